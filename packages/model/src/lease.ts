/** Milliseconds without a word after which a leading master leads no more: the bounds settings and store both keep. */
export const LEASE_MIN = 500;
export const LEASE_MAX = 60_000;
export const LEASE_DEFAULT = 3_000;
