/** The command line of `csmd --role heartbeat`: what is csmd's own, and what is left for hbtd's options. */
import { expect } from 'chai';
import { isHeartbeatRole, readHeartbeatArgs } from '../src/heartbeat-args.ts';

describe('the command line of the heartbeat service', () => {
  it('is known by the role, however that is written', () => {
    for (const argv of [
      ['--role', 'heartbeat'],
      ['--role=heartbeat'],
      ['-r', 'Heartbeat', '--check'],
      ['--warntime=3', '--role=HEARTBEAT'],
    ])
      expect(isHeartbeatRole(argv), argv.join(' ')).to.equal(true);
    for (const argv of [[], ['--role', 'master'], ['--role'], ['heartbeat'], ['--file', 'heartbeat'], ['--role=']])
      expect(isHeartbeatRole(argv), argv.join(' ')).to.equal(false);
  });

  it("has csmd's own options taken out, and hbtd's left as they are", () => {
    const argv = [
      '--warntime',
      '3',
      '--role',
      'heartbeat',
      '--file=/x.cfg',
      '--check',
      '--sm_url=http://a?b=c',
      '--nosm',
    ];
    expect(readHeartbeatArgs(argv)).to.deep.equal({
      file: '/x.cfg',
      check: true,
      printEffective: false,
      version: false,
      rest: ['--warntime', '3', '--sm_url=http://a?b=c', '--nosm'],
      faults: [],
    });
    expect(readHeartbeatArgs(['-r', 'heartbeat', '-f', '/y', '--print-effective', '-V'])).to.include({
      file: '/y',
      printEffective: true,
      version: true,
    });
  });

  it('is refused in words where its own options are not right', () => {
    expect(readHeartbeatArgs(['--role=heartbeat', '--file']).faults).to.deep.equal(['--file has no value']);
    expect(readHeartbeatArgs(['--role=heartbeat', '--role', 'master']).faults[0]).to.include("'master'");
  });
});
