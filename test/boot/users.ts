/** The people in the machines. Their ids are fixed, and far from those that a distribution gives away. */
export const USERS = { alice: 4201, bob: 4202 } as const;

export type User = keyof typeof USERS;

export function idOf(user: User): number {
  return USERS[user];
}
