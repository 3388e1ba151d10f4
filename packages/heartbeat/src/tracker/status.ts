/** Characters of a sender's text that are kept. */
export const TEXT_MAX = 256;

/** What a beat's Status says: it lives, its kernel has stopped, or it goes away on purpose. */
export type Meaning = 'alive' | 'oops' | 'leaving';

/** Capitals and blanks around it do not matter. A kernel that oopses may say more behind it. */
export function meaningOf(status: string): Meaning {
  const text = status.slice(0, TEXT_MAX).trim().toLowerCase();
  if (text.startsWith('kernel oops')) return 'oops';
  return text === 'going away' || text === 'halting' ? 'leaving' : 'alive';
}

/** At most so long. The copy is made of its characters: a slice would keep the whole text alive. */
export function short(text: string): string {
  return text.length <= TEXT_MAX ? text : Array.from(text.slice(0, TEXT_MAX)).join('');
}

/** What some database would not take: NUL, and halves of characters. One such text must not hold up all others. */
const UNFIT = /[\0\p{Surrogate}]/gu;

/** As it may be kept. */
export const fit = (text: string): string => text.replace(UNFIT, '\uFFFD');
