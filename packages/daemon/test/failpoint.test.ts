/** Where a daemon kills itself in fault tests: nothing unless it is asked for, and never at a name that does not exist. */
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { FAILPOINT_NAMES, failpointOf } from '../src/failpoint.ts';

const refusal = (text: string): CsmError => {
  try {
    failpointOf({ CSM_FAILPOINT: text });
  } catch (error) {
    if (error instanceof CsmError) return error;
  }
  throw new Error(`'${text}' was taken`);
};

describe('CSM_FAILPOINT', () => {
  it('is nothing at all when it is not set', () => {
    expect(failpointOf({})).to.equal(undefined);
  });

  it('kills at the passing that was meant', () => {
    let killed = 0;
    const found = failpointOf({ CSM_FAILPOINT: 'ack.take.after:2' }, () => killed++);
    found?.pass('ack.take.before');
    found?.pass('ack.take.after');
    expect(killed).to.equal(0);
    found?.pass('ack.take.after');
    expect(killed).to.equal(1);
    expect(found?.text).to.equal('ack.take.after:2');
  });

  it('knows the places of the tree and those of the writer, each once', () => {
    expect(FAILPOINT_NAMES).to.include.members(['journal.append.before', 'leader.change.after', 'store.commit.after']);
    expect(new Set(FAILPOINT_NAMES).size).to.equal(FAILPOINT_NAMES.length);
  });

  it('is refused in words for a name or a passing that does not exist', () => {
    const { problem } = refusal('ack.take.afer');
    expect(problem.detail).to.equal("there is no failpoint 'ack.take.afer'; did you mean ack.take.after?");
    expect(problem.field).to.equal('CSM_FAILPOINT');
    expect(problem.allowed).to.include('store.commit.before');
    expect(refusal('').problem.field).to.equal('CSM_FAILPOINT');
    expect(refusal('store.commit.before:0').problem.detail).to.include("is '0'");
  });
});
