/** The certificate of a linked node expires, is renewed, is revoked. Daemons judge standing links when they reload. */
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { issue, renew, revoke } from '@csm/pki';
import type { Fault, Round } from '../fault.ts';
import { type Ground, REAL } from '../ground.ts';

const ROUNDS = 3;
const HUBS = ['agg-a', 'agg-b'];
const SECONDS_A_DAY = 86_400;
/** Long enough to link under it. */
const LIFE_S = 6;

/** Another certificate for the real node, which it reads with the next reload. */
async function certify({ site }: Ground, days: number): Promise<number> {
  rmSync(site.credFile('compute', REAL), { force: true });
  const { validTo } = await issue(site.pki, { role: 'compute', node: REAL, names: ['localhost'], days });
  return validTo;
}

async function anew(ground: Ground): Promise<void> {
  await certify(ground, 30);
  await ground.reload(REAL);
}

async function rejudge(ground: Ground): Promise<void> {
  await Promise.all(HUBS.map((hub) => ground.reload(hub)));
}

function fault(name: string, what: string, round: Round): Fault {
  return {
    name: `certificate-${name}`,
    what,
    needs: [],
    place: 'loopback',
    rounds: (_ground, _random, short) => Array.from({ length: short ? 1 : ROUNDS }, () => round),
  };
}

export const certificateExpires = fault('expires', 'the certificate of a node expires while it is linked', {
  what: `the certificate of ${REAL} expires`,
  cut: () => [REAL],
  lasts: 0,
  noticed: true,
  async inject(ground, begins) {
    const validTo = await certify(ground, LIFE_S / SECONDS_A_DAY);
    await ground.reload(REAL);
    // It links anew, with the certificate it has now.
    for (const proxy of ground.ways(`${REAL}>`)) proxy.tearAll();
    await pause(Math.max(0, validTo + 1_000 - Date.now()), undefined, { signal: ground.site.signal });
    begins();
    await rejudge(ground);
  },
  heal: anew,
});

export const certificateRenewed = fault(
  'renewed',
  'certificates of a node and an aggregator are renewed while in use',
  {
    what: 'certificates are renewed',
    cut: () => [],
    lasts: 1_000,
    noticed: false,
    async inject(ground) {
      await renew(ground.site.pki, 'compute', REAL);
      await renew(ground.site.pki, 'aggregator', 'agg-b');
      await ground.reload(REAL);
      await rejudge(ground);
    },
    heal: async () => undefined,
  },
);

export const certificateRevoked = fault('revoked', 'the certificate of a linked node is revoked', {
  what: `the certificate of ${REAL} is revoked`,
  cut: () => [REAL],
  lasts: 500,
  noticed: true,
  async inject(ground) {
    await revoke(ground.site.pki, { role: 'compute', node: REAL }, 'lost');
    await rejudge(ground);
  },
  heal: anew,
});
