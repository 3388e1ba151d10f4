#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { load } from '@csm/model/bundled';

// Loading leaves garbage, a fifth of the memory of a small daemon, and the engine is in no hurry to give it back. So
// memory goes before speed from the first module on; `main` turns that round for roles that carry the load of others.
setFlagsFromString('--optimize-for-size');
setFlagsFromString('--semi-space-growth-factor=1');
const { main } = await load('daemon', 'csmd');

const exitCode = await main(process.argv.slice(2));
if (exitCode !== undefined) process.exitCode = exitCode;
