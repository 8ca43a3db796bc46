/** JSON Schema in words, for man pages: the type of a value in one line, and the fields of an object as a list. */
import type { ManPage } from './man-page.ts';
import { REF, type Schema } from './schemas.ts';

/** Fields of an object, with those of objects inside them one step further in. */
export function fieldList(page: ManPage, schema: Schema, { requests }: { requests: boolean }): void {
  const { properties = {}, required = [] } = schema;
  for (const [name, field] of Object.entries(properties)) {
    const optional = requests && !required.includes(name) && field.default === undefined ? ', optional' : '';
    const preset =
      requests && field.default !== undefined
        ? `, default \`${JSON.stringify(field.default).replaceAll('","', '", "')}\``
        : '';
    page.item(`\`${name}\``, [`${typeText(field)}${optional}${preset}.`, ...about(field)].join(' '));
    const inner = objectsIn(field);
    if (inner.length > 0)
      page.below(() => {
        for (const object of inner) fieldList(page, object, { requests });
      });
  }
}

const about = ({ description }: Schema) => (description ? [sentence(description)] : []);

/** A description with a period at its end. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** What a value is: `string`, `list of TaskView`, `object or null`. */
export function typeText(schema: Schema): string {
  if (schema.$ref) return `<<${shownName(schema.$ref.slice(REF.length))}>>`;
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several) return [...new Set(several.map(typeText))].join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return oneOf(schema.enum.map(value => `\`${String(value)}\``));
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  switch (schema.type) {
    case 'array':
      return `list of ${schema.items ? typeText(schema.items) : 'values'}${range(schema, 'minItems', 'maxItems')}`;
    case 'object':
      return schema.properties ? 'object' : `map to ${mapText(schema)}`;
    case 'string':
      return `string${range(schema, 'minLength', 'maxLength', ' characters')}`;
    case 'integer':
    case 'number':
      return `${schema.type}${range(schema, 'minimum', 'maximum')}`;
    default:
      return schema.type ?? 'any value';
  }
}

/** Of a definition that is there twice, the page shows what a caller may write, under the plain name. */
export const shownName = (name: string) => name.replace(/Input$/, '');

const oneOf = (words: readonly string[]) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

const mapText = ({ additionalProperties: more }: Schema) =>
  typeof more === 'object' ? typeText(more) : 'any value';

/** ` (1 to 200)`; bounds that only say "a safe integer" or "not empty" say nothing. */
function range(schema: Schema, low: string, high: string, unit = ''): string {
  const min = schema[low] as number | undefined;
  const max = schema[high] as number | undefined;
  const above = schema.exclusiveMinimum as number | undefined;
  const has_min = min !== undefined && min > -Number.MAX_SAFE_INTEGER;
  const has_max = max !== undefined && max < Number.MAX_SAFE_INTEGER;
  const from = above === undefined ? (has_min ? String(min) : '') : `more than ${above}`;
  if (has_max)
    return from && above === undefined
      ? ` (${from} to ${max}${unit})`
      : ` (${from ? `${from}, ` : ''}at most ${max}${unit})`;
  if (above !== undefined) return ` (${from})`;
  return has_min && low === 'minimum' ? ` (${min} or more)` : '';
}

/** The objects with fields that a value can hold: itself, an item of a list, a variant. */
function objectsIn(schema: Schema): Schema[] {
  if (schema.$ref) return [];
  if (schema.properties) return [schema];
  const inside = [
    ...(schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []),
    ...(schema.items ? [schema.items] : []),
    ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ];
  return inside.flatMap(objectsIn);
}
