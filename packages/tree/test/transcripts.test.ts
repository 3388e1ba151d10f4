/**
 * Whole clusters, told step by step: `transcripts/*.txt`. With `CSM_REWRITE=1` the files are written anew; read every
 * changed line before you believe it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse, perform, print } from './world/script.ts';

/** The compiled test runs in `dist/test`; the transcripts stay with the sources. */
const folder = fileURLToPath(new URL('../../test/transcripts/', import.meta.url));

describe('transcripts', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

  it('are there', () => {
    expect(files).to.have.length.above(15);
  });

  for (const file of files) {
    it(file.replace('.txt', '').replaceAll('-', ' '), () => {
      const text = readFileSync(`${folder}${file}`, 'utf8');
      const blocks = parse(text);
      const really = print(perform(blocks));
      if (process.env['CSM_REWRITE'] === '1') writeFileSync(`${folder}${file}`, really);
      else expect(really).to.equal(print(blocks));
    });
  }
});
