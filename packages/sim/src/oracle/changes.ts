/** The table of changes in a SQLite file, read on a connection of our own. */
import Database from 'better-sqlite3';

/** The newest change; 0 before the first. */
export function changesHead(file: string): number {
  const db = new Database(file, { readonly: true });
  try {
    return (db.prepare('SELECT coalesce(max(seq), 0) AS head FROM change').get() as { readonly head: number }).head;
  } finally {
    db.close();
  }
}

/** All changes behind `since`, page by page as one reader has them; and how long that took. */
export function readBare(file: string, since: number, pageRows: number): { rows: number; seconds: number } {
  const db = new Database(file, { readonly: true });
  try {
    const page = db.prepare('SELECT seq, time, kind, subject, body FROM change WHERE seq > ? ORDER BY seq LIMIT ?');
    const began = performance.now();
    let rows = 0;
    for (let at = since; ; ) {
      const found = page.all(at, pageRows) as { readonly seq: number }[];
      rows += found.length;
      if (found.length < pageRows) return { rows, seconds: (performance.now() - began) / 1000 };
      at = found.at(-1)?.seq ?? at;
    }
  } finally {
    db.close();
  }
}
