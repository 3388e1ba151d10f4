/** A fact, or why there is none, in words that name the file or program and what was wrong with it. */
export type Finding<T> = { readonly value: T } | { readonly reason: string };

export const found = <T>(value: T): { readonly value: T } => ({ value });
export const missing = (reason: string): { readonly reason: string } => ({ reason });
