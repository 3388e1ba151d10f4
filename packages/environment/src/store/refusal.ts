/** One item of a report that cannot be stored: the rest of the report is, and the item fails with these words. */
export class Refusal extends Error {}
