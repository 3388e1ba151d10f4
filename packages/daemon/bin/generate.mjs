// Writes what is made from tables and comments: the typed client, the reference pages, the page of the machines.
// Run by `npm run generate`; a test fails when what is committed is older than its source.
import { writeFileSync } from 'node:fs';
import { commandReference } from '../../cli/dist/src/index.js';
import { generated } from '../dist/src/generated.js';

const files = [...(await generated()), { path: 'docs/reference/commands.md', text: commandReference() }];
for (const { path, text } of files) writeFileSync(new URL(`../../../${path}`, import.meta.url), text);
