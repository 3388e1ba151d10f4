/**
 * Components of the built-in state manager: what a PATCH, a POST or a heartbeat does to them. All three go by the same
 * rules (`hsm/rules.ts`), and what subscribers are to be told is a row of `change` in the same transaction.
 */
import { type Among, deleteAmong, type NewChange, rowsAmong, type Tx } from '@csm/store';
import { judgeFlag, judgeState, NOTICE, type StateAndFlag, type StateJudgement, scnBody } from '../hsm/rules.ts';
import type { Change, ChangeKind, HsmComponent, Procedures } from '../types.ts';
import { typeOf } from '../xname/index.ts';
import { COMPONENT_COLUMNS, type ComponentColumns, componentOf, valuesOf } from './hsm-columns.ts';
import { LISTED, listed, Statement } from './lists.ts';

const COMPONENTS: Among = { table: 'hsm_component', columns: COMPONENT_COLUMNS, key: [['id', 'TEXT']] };
const REPLACED = `(id) DO UPDATE SET ${COMPONENT_COLUMNS.slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ')}`;

/** Kinds of change that are a sign of life: a component that is not known is made of them. */
const BEATS: ReadonlySet<ChangeKind> = new Set(['started', 'restarted', 'halted']);

/** Components as they become within one transaction; written once at its end. */
export class Components {
  readonly #known: Map<string, HsmComponent>;
  readonly #before: ReadonlyMap<string, HsmComponent>;

  private constructor(known: Map<string, HsmComponent>) {
    this.#known = known;
    this.#before = new Map(known);
  }

  static async read(tx: Tx, ids: Iterable<string>): Promise<Components> {
    const rows = await rowsAmong<ComponentColumns>(
      tx,
      COMPONENTS,
      [...new Set(ids)].map((id) => [id]),
    );
    return new Components(new Map(rows.map((row) => [row.id, componentOf(row)])));
  }

  get(id: string): HsmComponent | undefined {
    return this.#known.get(id);
  }

  /** Those of these that are there, each once. */
  among(ids: ReadonlySet<string>): HsmComponent[] {
    return [...ids].flatMap((id) => this.#known.get(id) ?? []);
  }

  /** Gives what subscribers are to be told of it, if anything. */
  set(after: HsmComponent): NewChange | undefined {
    const body = scnBody(this.#known.get(after.ID), after);
    this.#known.set(after.ID, after);
    return body === undefined ? undefined : { kind: 'hsm.scn', subject: after.ID, body };
  }

  /** Writes those that are others now. */
  async write(tx: Tx): Promise<void> {
    const changed = [...this.#known.values()].filter((component) => this.#before.get(component.ID) !== component);
    await tx.insert('hsm_component', COMPONENT_COLUMNS, changed.map(valuesOf), { onConflict: REPLACED });
  }
}

const OFF = `UPDATE heartbeat_component SET life = 'off', gap = 0, since = ? WHERE life <> 'off' AND name IN `;
/** Nothing is expected of it before its next beat. */
const ON = `UPDATE heartbeat_component SET life = 'left', since = ? WHERE life = 'off' AND name IN `;

/** The tracker hears of who is off, and who is on again; what it would restore is kept in step. */
async function keepPower(tx: Tx, components: readonly HsmComponent[]): Promise<void> {
  const off = components.filter(({ State }) => State === 'Off');
  const on = components.filter(({ State }) => State === 'On' || State === 'Ready');
  for (const [text, some] of [
    [OFF, off],
    [ON, on],
  ] as const) {
    if (some.length === 0) continue;
    const names = listed(some.map(({ ID }) => ID));
    const { sql, values } = new Statement().add(text, tx.now).add(LISTED, names);
    await tx.run(sql, values);
  }
}

/**
 * Tells the built-in state manager of changes, in their order. Gives what its subscribers are to be told of each. Names
 * that are no xnames, of nodes of this cluster, are none of its business.
 */
export async function tellBuiltIn(
  tx: Tx,
  { changes, discover, nids = {} }: Pick<Procedures['record'], 'changes' | 'discover' | 'nids'>,
): Promise<(NewChange | undefined)[]> {
  const told = changes.filter(({ name, kind }) => NOTICE[kind] !== undefined && typeOf(name) !== undefined);
  if (told.length === 0) return [];
  const components = await Components.read(
    tx,
    told.map(({ name }) => name),
  );
  const news = changes.map((change) => {
    const before = components.get(change.name) ?? (discover ? discovered(change, nids[change.name]) : undefined);
    const notice = NOTICE[change.kind];
    if (before === undefined || notice === undefined) return undefined;
    const { state, flag } = notice;
    const judged = judgeState({ state: before.State, flag: before.Flag }, { state, flag }, false);
    const isNew = components.get(change.name) === undefined;
    if (judged.kind === 'refused' || (judged.kind === 'same' && !isNew)) return undefined;
    return components.set({ ...before, State: judged.state, Flag: judged.flag });
  });
  await components.write(tx);
  return news;
}

/** One that beats and is not known. */
function discovered({ name, kind }: Change, nid: number | undefined): HsmComponent | undefined {
  const type = typeOf(name);
  if (type === undefined || !BEATS.has(kind)) return undefined;
  const told = nid !== undefined && Number.isSafeInteger(nid) && nid >= 0 ? { NID: nid } : {};
  return { ID: name, Type: type, State: 'Ready', Flag: 'OK', Enabled: true, ...told };
}

/**
 * Answers what became of each, in the order given; one that is named twice is the same the second time. Of a flag alone
 * nobody is told.
 */
async function judgeEach(
  tx: Tx,
  ids: readonly string[],
  what: 'state' | 'flag',
  judge: (component: HsmComponent) => StateJudgement,
  become: (component: HsmComponent, judged: StateAndFlag) => HsmComponent,
): Promise<string[]> {
  const components = await Components.read(tx, ids);
  const news: NewChange[] = [];
  const allowed = new Set<string>();
  const answers = ids.map((id) => {
    const component = components.get(id);
    if (component === undefined) return 'unknown';
    const judged = judge(component);
    if (judged.kind === 'refused') return judged.words;
    allowed.add(id);
    if (judged.kind === 'changed') {
      const told = components.set(become(component, judged));
      if (told !== undefined && what === 'state') news.push(told);
    }
    return judged.kind;
  });
  await components.write(tx);
  if (what === 'state') await keepPower(tx, components.among(allowed));
  if (news.length > 0) await tx.changes(news);
  return answers;
}

export const hsmPatch = (tx: Tx, { ids, state, flag, force }: Procedures['hsmPatch']): Promise<string[]> =>
  judgeEach(
    tx,
    ids,
    'state',
    ({ State, Flag }) => judgeState({ state: State, flag: Flag }, { state, flag }, force),
    (component, judged) => ({ ...component, State: judged.state, Flag: judged.flag }),
  );

export const hsmFlag = (tx: Tx, { ids, flag }: Procedures['hsmFlag']): Promise<string[]> =>
  judgeEach(
    tx,
    ids,
    'flag',
    ({ Flag }) => judgeFlag(Flag, flag),
    (component, judged) => ({ ...component, Flag: judged.flag }),
  );

/** Makes those that are not there and, with `force`, replaces those that are; gives how many. */
export async function hsmCreate(tx: Tx, { components: given, force }: Procedures['hsmCreate']): Promise<number> {
  const components = await Components.read(
    tx,
    given.map(({ ID }) => ID),
  );
  const news: NewChange[] = [];
  let count = 0;
  for (const component of given) {
    if (!force && components.get(component.ID) !== undefined) continue;
    const told = components.set(component);
    if (told !== undefined) news.push(told);
    count += 1;
  }
  await components.write(tx);
  await keepPower(tx, components.among(new Set(given.map(({ ID }) => ID))));
  if (news.length > 0) await tx.changes(news);
  return count;
}

/** Answers whether it was there. */
export const hsmDelete = async (tx: Tx, { id }: Procedures['hsmDelete']): Promise<boolean> =>
  (await deleteAmong(tx, COMPONENTS, [[id]])) > 0;
