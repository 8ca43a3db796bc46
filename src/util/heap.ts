/** A heap of keys by time: the earliest is at hand, whatever number of others there is. One time for each key. */

interface Item<K> {
  key: K;
  at: number;
}

export class Heap<K> {
  readonly #items: Item<K>[] = [];
  readonly #places = new Map<K, number>();

  get size(): number {
    return this.#items.length;
  }

  /** The earliest; null: it is empty. */
  get first(): { readonly key: K; readonly at: number } | null {
    return this.#items[0] ?? null;
  }

  /** Sets the time of a key; null takes it out. */
  set(key: K, at: number | null): void {
    const place = this.#places.get(key);
    if (place === undefined) {
      if (at === null) return;
      this.#put({ key, at }, this.#items.length);
      this.#up(this.#items.length - 1);
      return;
    }
    if (at !== null) {
      this.#put({ key, at }, place);
      this.#settle(place);
      return;
    }
    this.#places.delete(key);
    const last = this.#items.pop()!;
    if (place === this.#items.length) return;
    this.#put(last, place);
    this.#settle(place);
  }

  #settle(place: number): void {
    this.#up(place);
    this.#down(place);
  }

  #put(item: Item<K>, place: number): void {
    this.#items[place] = item;
    this.#places.set(item.key, place);
  }

  #up(from: number): void {
    for (let place = from; place > 0; ) {
      const above = (place - 1) >> 1;
      if (this.#items[above]!.at <= this.#items[place]!.at) return;
      this.#swap(above, place);
      place = above;
    }
  }

  #down(from: number): void {
    for (let place = from; ; ) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      let least = place;
      for (const child of [left, right])
        if (child < this.#items.length && this.#items[child]!.at < this.#items[least]!.at) least = child;
      if (least === place) return;
      this.#swap(least, place);
      place = least;
    }
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#items[a]!, this.#items[b]!];
    this.#put(one, b);
    this.#put(other, a);
  }
}
