import { type Programs, realPrograms } from './programs.ts';
import { RootTree } from './root-tree.ts';

/** Where collectors look: the files of a machine, and the programs it has. */
export interface Host {
  readonly tree: RootTree;
  readonly programs: Programs;
}

/** This machine; `root` where its /proc, /sys and /etc are seen, `path` the directories its programs stand in. */
export const realHost = ({ root = '/', path }: { readonly root?: string; readonly path?: string } = {}): Host => ({
  tree: new RootTree(root),
  programs: realPrograms(path),
});
