import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { KINDS, type Kind } from '../src/message.ts';
import { readMessage } from '../src/read.ts';
import { parseVersion, VERSION } from '../src/version.ts';
import { frameText, parseFrame, sample, wayOf } from './samples.ts';

/**
 * Frames as daemons of each version sent them. Never edit one of an older version: what was sent was sent. After a
 * change of the current version run this file with CSM_RECORD=1: it writes the frames of the current version that are
 * missing or differ from the samples, and the list of sums.
 */
const WIRE = fileURLToPath(new URL('../../wire/', import.meta.url));
const SUMS = `${WIRE}SHA256SUMS`;

const versions = (): string[] => readdirSync(WIRE).filter((name) => parseVersion(name) !== undefined);
const files = (version: string): string[] => readdirSync(`${WIRE}${version}`);
const frame = (path: string): string => readFileSync(`${WIRE}${path}`, 'utf8').replace(/\n$/, '');
const sum = (path: string): string =>
  createHash('sha256')
    .update(readFileSync(`${WIRE}${path}`))
    .digest('hex');

function sumsText(): string {
  const all = versions().flatMap((version) => files(version).map((name) => `${version}/${name}`));
  return all
    .sort()
    .map((path) => `${sum(path)}  ${path}\n`)
    .join('');
}

if (process.env['CSM_RECORD'] === '1') {
  mkdirSync(`${WIRE}${VERSION}`, { recursive: true });
  for (const kind of KINDS) writeFileSync(`${WIRE}${VERSION}/${kind}.json`, `${frameText(sample(kind))}\n`);
  writeFileSync(SUMS, sumsText());
}

describe('recorded frames', () => {
  it('stand for every version up to ours', () => {
    const minors = versions().map((v) => parseVersion(v)?.minor);
    const ours = parseVersion(VERSION)?.minor ?? -1;
    expect(minors.sort((a = 0, b = 0) => a - b)).to.deep.equal(Array.from({ length: ours + 1 }, (_, i) => i));
  });

  it('cover every kind of the current version, with every field of its sample', () => {
    expect(files(VERSION).sort()).to.deep.equal(KINDS.map((kind) => `${kind}.json`).sort());
    for (const kind of KINDS) {
      const text = frame(`${VERSION}/${kind}.json`);
      expect(text, `${kind}: record it anew with CSM_RECORD=1`).to.equal(frameText(sample(kind)));
    }
  });

  for (const version of versions()) {
    for (const name of files(version)) {
      it(`${version}/${name} is read by today's code`, () => {
        const kind = name.replace(/\.json$/, '') as Kind;
        const text = frame(`${version}/${name}`);
        expect(text, 'one line of ASCII').to.match(/^[\x20-\x7e]+$/);
        const value = parseFrame(text);
        const reading = readMessage(value, wayOf(kind));
        expect(reading).to.deep.equal({ kind: 'message', message: value });
        expect((value as { kind: unknown }).kind).to.equal(kind);
      });
    }
  }

  it('of older versions are as they were recorded', () => {
    const listed = new Map(
      readFileSync(SUMS, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
    const older = versions().filter((version) => version !== VERSION);
    expect(older).not.to.deep.equal([]);
    for (const version of older) {
      for (const name of files(version)) {
        const path = `${version}/${name}`;
        expect(sum(path), `${path} was changed or is not in SHA256SUMS`).to.equal(listed.get(path));
        listed.delete(path);
      }
    }
    for (const path of listed.keys()) {
      expect(path.startsWith(`${VERSION}/`), `${path} is listed in SHA256SUMS but gone`).to.equal(true);
    }
  });
});
