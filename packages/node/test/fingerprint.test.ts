import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { RootTree } from '@csm/host';
import { expect } from 'chai';
import { fingerprint } from '../src/fingerprint.ts';

describe('the glance at the devices of a node', () => {
  let root: string;
  const glance = (): Promise<string> => fingerprint(new RootTree(root));
  const file = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const device = async (path: string, target: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'csm-glance-'));
    await file('/sys/bus/pci/devices/0000:01:00.0', '');
    await file('/sys/devices/system/cpu/online', '0-3\n');
    await device('/sys/class/net/eth0', '../../devices/pci0000:00/0000:01:00.0/net/eth0');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is the same as long as nothing changes, whatever comes and goes that is virtual', async () => {
    const first = await glance();
    expect(first).to.match(/^[0-9a-f]{16}$/);
    await device('/sys/class/net/veth1', '../../devices/virtual/net/veth1');
    await device('/sys/block/loop0', '../devices/virtual/block/loop0');
    expect(await glance()).to.equal(first);
  });

  it('is another when a device, a disk, an interface or a CPU comes or goes', async () => {
    const seen = new Set([await glance()]);
    await file('/sys/bus/pci/devices/0000:02:00.0', '');
    seen.add(await glance());
    await device('/sys/block/sda', '../devices/pci0000:00/0000:02:00.0/ata1/block/sda');
    seen.add(await glance());
    await device('/sys/class/net/ib0', '../../devices/pci0000:00/0000:02:00.0/net/ib0');
    seen.add(await glance());
    await file('/sys/class/nvme/nvme0', '');
    seen.add(await glance());
    await file('/sys/class/infiniband/mlx5_0', '');
    seen.add(await glance());
    await file('/sys/devices/system/cpu/online', '0-2\n');
    seen.add(await glance());
    expect(seen.size).to.equal(7);
  });

  it('can be taken where nothing can be read', async () => {
    expect(await fingerprint(new RootTree('/nowhere'))).to.match(/^[0-9a-f]{16}$/);
  });
});
