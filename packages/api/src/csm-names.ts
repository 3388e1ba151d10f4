/**
 * IBM CSM's names of calls, as its permission and time-out files use them, and what they mean here. With an empty list
 * the call is known and not built yet: a file may name it, without effect.
 */
import { nearest } from '@csm/model';
import type { ApiTable, TableRow } from './table.ts';

const CSM_NAMES: { readonly [name: string]: readonly string[] } = {
  infrastructure_test: ['health'],
  infrastructure_health_check: ['health'],
  cluster_query_state: ['cluster.state'],
  node_attributes_query: ['node.list', 'node.show'],
  node_attributes_query_details: ['node.hardware'],
  node_attributes_query_history: ['node.history'],
  node_attributes_update: ['node.update', 'node.drain', 'node.resume'],
  node_delete: ['node.delete'],
  node_find_job: ['node.find-job'],
  node_query_state_history: ['node.states'],
  node_resources_query: ['node.list'],
  node_resources_query_all: ['node.list'],
  soft_failure_recovery: [],
  allocation_create: [],
  allocation_delete: [],
  allocation_query: [],
  allocation_query_active_all: [],
  allocation_query_details: [],
  allocation_resources_query: [],
  allocation_update_history: [],
  allocation_update_state: [],
  allocation_step_begin: [],
  allocation_step_end: [],
  allocation_step_query: [],
  allocation_step_query_active_all: [],
  allocation_step_query_details: [],
  allocation_step_cgroup_create: [],
  allocation_step_cgroup_delete: [],
  cgroup_login: [],
  jsrun_cmd: [],
  bb_cmd: [],
  bb_lv_create: [],
  bb_lv_delete: [],
  bb_lv_query: [],
  bb_lv_update: [],
  bb_vg_create: [],
  bb_vg_delete: [],
  bb_vg_query: [],
  diag_result_create: [],
  diag_run_begin: [],
  diag_run_end: [],
  diag_run_query: [],
  diag_run_query_details: [],
  ib_cable_inventory_collection: [],
  ib_cable_query: [],
  ib_cable_query_history: [],
  ib_cable_update: [],
  switch_attributes_query: [],
  switch_attributes_query_details: [],
  switch_attributes_query_history: [],
  switch_attributes_update: [],
  switch_children_inventory_collection: [],
  switch_inventory_collection: [],
  ras_event_create: [],
  ras_event_query: [],
  ras_event_query_allocation: [],
  ras_msg_type_create: [],
  ras_msg_type_delete: [],
  ras_msg_type_query: [],
  ras_msg_type_update: [],
  ras_subscribe: [],
  ras_unsubscribe: [],
};

/** What a name in a permission or time-out file means. */
export interface NamedCalls {
  /** The calls of the table it stands for; several names of CSM stand for one of ours, and the other way round. */
  readonly rows: readonly TableRow[];
  /** One form of the name: two spellings that mean the same have the same. */
  readonly key: string;
}

/** Upper and lower case, `-` and `_` are the same; CSM's names may bear its prefix, and `step_` its older one. */
const keyOf = (name: string): string => name.toLowerCase().replaceAll('-', '_');
const csmKeyOf = (name: string): string =>
  keyOf(name)
    .replace(/^csm_/, '')
    .replace(/^step_/, 'allocation_step_');

/** Finds what a name means, ours or CSM's; for an unknown one tells the nearest that is known. */
export function callsNamed(name: string, table: ApiTable): NamedCalls | { readonly near: string | undefined } {
  const ours = table.offered.filter((row) => keyOf(row.name) === keyOf(name));
  if (ours.length > 0) return { rows: ours, key: keyOf(name) };
  const key = csmKeyOf(name);
  const means = Object.hasOwn(CSM_NAMES, key) ? CSM_NAMES[key] : undefined;
  if (means !== undefined) {
    return { rows: table.offered.filter((row) => means.some((one) => keyOf(one) === keyOf(row.name))), key };
  }
  const names = table.offered.map((row) => row.name);
  return { near: nearest(keyOf(name), names) ?? nearest(key, Object.keys(CSM_NAMES)) };
}
