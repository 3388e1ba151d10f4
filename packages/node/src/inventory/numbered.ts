/** Each name that stands there twice or more with ` #2`, ` #3`… */
export function numbered(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name} #${n}`;
    taken.add(unique);
    return unique;
  });
}
