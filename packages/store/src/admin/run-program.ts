/** How a program is run to its end: what `kit` does with children, as far as it is needed here. Never rejects. */
export type RunProgram = (options: {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly maxOutput?: number;
}) => Promise<{
  readonly code: number;
  readonly output: string;
  readonly aborted: boolean;
  readonly notStarted?: string;
}>;
