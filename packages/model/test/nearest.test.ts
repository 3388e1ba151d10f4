import { expect } from 'chai';
import fc from 'fast-check';
import { nearest } from '../src/index.ts';

const KEYS = ['net', 'log', 'heartbeat_interval', 'aggregatorA', 'aggregatorB', 'local_client_listen'];

describe('nearest', () => {
  const cases: readonly [word: string, found: string | undefined][] = [
    ['heartbeat_intervall', 'heartbeat_interval'],
    ['heartbeat-interval', 'heartbeat_interval'],
    ['haertbeat_interval', 'heartbeat_interval'],
    ['HEARTBEAT_INTERVAL', 'heartbeat_interval'],
    ['agregatorB', 'aggregatorB'],
    ['nte', 'net'],
    ['lgo', 'log'],
    ['database', undefined],
    ['xyz', undefined],
  ];
  for (const [word, found] of cases) {
    it(`of ${word} is ${found ?? 'nothing'}`, () => {
      expect(nearest(word, KEYS)).equals(found);
    });
  }

  it('of a known word is that word', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }), fc.nat(), (known, i) => {
        const word = known[i % known.length] as string;
        expect(nearest(word, known)).equals(word);
      }),
    );
  });

  it('finds a word with one fault in it, or one as near', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{3,20}$/),
        fc.nat(),
        fc.constantFrom('drop', 'swap', 'put'),
        (word, n, fault) => {
          const i = n % (word.length - 1);
          const swapped = word.slice(0, i) + word[i + 1] + word[i] + word.slice(i + 2);
          const put = `${word.slice(0, i)}#${word.slice(i)}`;
          const wrong = { drop: word.slice(0, i) + word.slice(i + 1), swap: swapped, put }[fault];
          expect(nearest(wrong, [word, `${word}${word}xx`])).equals(word);
        },
      ),
    );
  });
});
