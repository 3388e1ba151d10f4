import type { Finding, Programs } from '@csm/host';

/** `make`, called at the first use and never again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Programs that run once for each list of arguments; whoever asks again gets the answer of the first run. */
export function oncePrograms(programs: Programs): Programs {
  const answers = new Map<string, Promise<Finding<string>>>();
  return {
    run(argv, options) {
      const key = argv.join('\0');
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = programs.run(argv, options);
      answers.set(key, answer);
      return answer;
    },
  };
}

/** `work` on each item, so many at a time, answers in the order of the items. */
export async function each<T, R>(items: readonly T[], atATime: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += atATime)
    results.push(...(await Promise.all(items.slice(i, i + atATime).map(work))));
  return results;
}
