/** What is said to the process of the proxies, and what it answers to `start`. */
import type { Target } from './proxy.ts';

export type ToProxies =
  | { readonly id: number; readonly do: 'start'; readonly host: string; readonly target: Target }
  | { readonly id: number; readonly do: 'cut' | 'freeze' | 'heal' | 'tear' | 'tear-all' }
  | { readonly id: number; readonly do: 'slow'; readonly ms: number };

export type FromProxies =
  | { readonly id: number; readonly port: number }
  | { readonly id: number; readonly error: string };
