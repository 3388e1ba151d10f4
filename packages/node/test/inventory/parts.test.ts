import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { Probe } from '@csm/feature';
import { type Programs, realHost } from '@csm/host';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { collectInventory, probeInventory } from '../../src/inventory/index.ts';
import { NO_DEVICES, TWO_SOCKETS } from './machines.ts';
import { type Files, machine, removeTrees, told, writeTree } from './root-tree.ts';

const now = wall(0);
const collect = (files: Files, programs: Programs = told({})) =>
  collectInventory({ host: machine({ ...NO_DEVICES, ...files }, programs), now });
const ofKind = (document: Awaited<ReturnType<typeof collect>>, kind: string) =>
  document.hardware.filter((part) => part.kind === kind);

const pci = (address: string, cls: string, vendor: string, device: string): Files => ({
  [`/sys/bus/pci/devices/${address}/class`]: `${cls}\n`,
  [`/sys/bus/pci/devices/${address}/vendor`]: `${vendor}\n`,
  [`/sys/bus/pci/devices/${address}/device`]: `${device}\n`,
});
const SMI = 'nvidia-smi -q -x';
const A100 = pci('0000:3b:00.0', '0x030200', '0x10de', '0x20b2');

describe('GPUs', () => {
  after(removeTrees);

  it('are those of PCI without the screen of the BMC, and nvidia-smi is asked only for NVIDIA', async () => {
    const runs: string[] = [];
    const screen = pci('0000:03:00.0', '0x030000', '0x1a03', '0x2000');
    const document = await collect(
      { ...screen, ...pci('0000:05:00.0', '0x030000', '0x8086', '0x3e98') },
      told({}, runs),
    );
    expect(document.discovered_gpus).equals(1);
    expect(ofKind(document, 'gpu')[0]).includes({ location: '0000:05:00.0', vendor: '0x8086', model: '0x8086:0x3e98' });
    expect(runs).not.includes(SMI);
  });

  it('stay when nvidia-smi hangs, crashes, floods or writes nonsense', async () => {
    for (const output of [
      { reason: 'nvidia-smi did not end within 30000 ms' },
      { reason: 'nvidia-smi ended with 9: no driver' },
      { reason: 'nvidia-smi wrote more than the 16777216 bytes allowed' },
      '',
      '<nvidia_smi_log><gpu id="',
      '\u0000\u0001{}',
    ]) {
      const document = await collect(A100, told({ [SMI]: output }));
      expect(document.discovered_gpus).equals(1);
      const [part] = ofKind(document, 'gpu');
      // What the list of PCI names would call it is another name than the card's own: then it would be another part.
      expect(part).includes({ location: '0000:3b:00.0', serial: null, vendor: 'NVIDIA', model: null });
      expect(part?.details).includes({ pci_id: '0x10de:0x20b2' });
      expect(part?.passing).includes({ pci_name: '0x10de:0x20b2' });
      expect(document.reasons['gpu.serial']).matches(/^nvidia-smi /);
      expect(document.reasons['gpu']).matches(/^nvidia-smi /);
    }
  });

  it('of nvidia-smi that are not on the bus are named, and are no parts', async () => {
    const gpu = (id: string) => `<gpu id="${id}"><serial>12</serial><uuid>GPU-1</uuid></gpu>`;
    const xml = `<nvidia_smi_log>${gpu('00000000:3B:00.0')}${gpu('00000000:AF:00.0')}</nvidia_smi_log>`;
    const document = await collect(A100, told({ [SMI]: xml }));
    expect(ofKind(document, 'gpu').map(({ location, serial }) => [location, serial])).deep.equals([
      ['0000:3b:00.0', '12'],
    ]);
    expect(document.discovered_gpus).equals(1);
    expect(document.reasons['gpu.count']).equals(
      'PCI shows 1 NVIDIA GPUs, nvidia-smi tells 2, of which 1 are not on the bus',
    );
  });

  it('of AMD are described by their driver', async () => {
    const dir = '/sys/bus/pci/devices/0000:c1:00.0';
    const document = await collect({
      ...pci('0000:c1:00.0', '0x120000', '0x1002', '0x74a1'),
      [`${dir}/product_name`]: 'AMD Instinct MI300X OAM\n',
      [`${dir}/product_number`]: '102-G30211-00\n',
      [`${dir}/serial_number`]: '692224000123\n',
      [`${dir}/vbios_version`]: '113-M3000100-102\n',
      [`${dir}/mem_info_vram_total`]: '206141652992\n',
      '/usr/share/misc/pci.ids': '1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t74a1  Aqua Vanjaram\n',
    });
    const [part] = ofKind(document, 'gpu');
    expect(part).includes({
      vendor: 'Advanced Micro Devices, Inc. [AMD/ATI]',
      model: 'AMD Instinct MI300X OAM',
      serial: '692224000123',
      part_number: '102-G30211-00',
      firmware: '113-M3000100-102',
    });
    expect(part?.details).includes({ hbm_memory: 201_310_208 });
  });

  it('of AMD have no name before their driver is there', async () => {
    const amd = pci('0000:c1:00.0', '0x120000', '0x1002', '0x74a1');
    const without = await collect(amd);
    expect(ofKind(without, 'gpu')[0]).includes({ model: null });
    expect(without.reasons['gpu']).equals('/sys/bus/pci/devices/0000:c1:00.0 has no driver: 0x1002:0x74a1');
    const driver = { '/sys/bus/pci/devices/0000:c1:00.0/driver': { link: '../../../../bus/pci/drivers/amdgpu' } };
    const bound = await collect({ ...amd, ...driver });
    expect(ofKind(bound, 'gpu')[0]).includes({ model: '0x1002:0x74a1' });
    expect(bound.reasons).not.property('gpu');
  });

  it('of which nvidia-smi leaves one out are a kind that was not read', async () => {
    const xml =
      '<nvidia_smi_log><gpu id="00000000:3B:00.0"><product_name>NVIDIA A100</product_name></gpu></nvidia_smi_log>';
    const document = await collect(
      { ...A100, ...pci('0000:af:00.0', '0x030200', '0x10de', '0x20b2') },
      told({ [SMI]: xml }),
    );
    expect(ofKind(document, 'gpu').map(({ model }) => model)).deep.equals(['NVIDIA A100', null]);
    expect(document.reasons['gpu']).equals('0000:af:00.0: nvidia-smi tells no GPU 0000:af:00.0');
  });
});

const DIMM = (locator: string, fields: string) =>
  `Handle 0x0011, DMI type 17, 84 bytes\nMemory Device\n\tLocator: ${locator}\n${fields}\n\n`;

describe('memory modules', () => {
  after(removeTrees);

  it('of dmidecode, without empty slots, the flash chip and placeholder serials', async () => {
    const dmidecode = [
      DIMM('A1', '\tSize: 16 GB\n\tSerial Number: 4071A03C\n\tPart Number: M393A2K43CB2-CVF  \n\tSpeed: 2933 MT/s'),
      DIMM('A2', '\tSize: No Module Installed\n\tSerial Number: NO DIMM'),
      DIMM('A3', '\tSize: 16384 MB\n\tSerial Number: 00000000\n\tManufacturer: Samsung'),
      DIMM('ROM', '\tSize: 16 MB\n\tType: Flash'),
    ].join('');
    const document = await collect({}, told({ dmidecode }));
    expect(document.discovered_dimms).equals(2);
    expect(
      ofKind(document, 'dimm').map(({ location, serial, details }) => [location, serial, details['size']]),
    ).deep.equals([
      ['A1', '4071A03C', 16_777_216],
      ['A3', null, 16_777_216],
    ]);
    expect(document.reasons['dimm.serial']).equals(`A3: dmidecode 'Serial Number' holds the placeholder '00000000'`);
    expect(document.reasons).not.property('dimm');
  });

  it('of EDAC where dmidecode may not be run: labelled ranks are modules, others do not tell any', async () => {
    const rank = (n: number, label: string): Files => ({
      [`/sys/devices/system/edac/mc/mc0/rank${n}/size`]: '8192\n',
      [`/sys/devices/system/edac/mc/mc0/rank${n}/dimm_label`]: `${label}\n`,
    });
    const denied = told({ dmidecode: { reason: 'dmidecode ended with 1: /dev/mem: Permission denied' } });
    const labelled = await collect({ ...rank(0, 'P1-A1'), ...rank(1, 'P1-A1'), ...rank(2, 'P1-B1') }, denied);
    expect(labelled.discovered_dimms).equals(2);
    expect(ofKind(labelled, 'dimm').map(({ location, details }) => [location, details['size']])).deep.equals([
      ['P1-A1', 16_777_216],
      ['P1-B1', 8_388_608],
    ]);
    expect(labelled.reasons['dimm']).matches(/Permission denied/);
    const bare = await collect({ ...rank(0, 'mc#0csrow#0channel#0'), ...rank(1, '') }, denied);
    expect(bare.discovered_dimms).equals(null);
    expect(ofKind(bare, 'dimm')).deep.equals([]);
    expect(bare.reasons['dimm']).matches(/tells ranks of memory, not modules/);
  });

  it('that the kernel does not drive are told, and its count is believed', async () => {
    const dmidecode = DIMM('A1', '\tSize: 16 GB') + DIMM('B1', '\tSize: 16 GB');
    const edac = { '/sys/devices/system/edac/mc/mc0/dimm0/size': '16384\n' };
    const document = await collect(edac, told({ dmidecode }));
    expect(document.discovered_dimms).equals(1);
    expect(ofKind(document, 'dimm')).length(2);
    expect(document.reasons['dimm.count']).equals('EDAC drives 1 modules, dmidecode tells 2');
  });
});

describe('processors', () => {
  after(removeTrees);

  it('of which firmware and kernel tell another number: the kernel is believed', async () => {
    const cpu = (name: string, status: string) =>
      `Handle 0x0004, DMI type 4, 48 bytes\nProcessor Information\n\tSocket Designation: ${name}\n\tVersion: X\n\tStatus: ${status}\n\n`;
    const names = ['CPU0', 'CPU1', 'CPU2', 'CPU3'];
    const dmidecode = names.map((name) => cpu(name, 'Populated, Enabled')).join('') + cpu('CPU4', 'Unpopulated');
    const document = await collect(TWO_SOCKETS, told({ dmidecode }));
    expect(document.discovered_sockets).equals(2);
    expect(ofKind(document, 'cpu').map(({ location }) => location)).deep.equals(names);
    expect(document.reasons['cpu.count']).equals(
      'the kernel has CPUs of 2 sockets online, dmidecode tells 4 populated',
    );
  });
});

describe('adapters', () => {
  after(removeTrees);

  const device = (address: string): Files => ({
    ...Object.fromEntries(
      Object.entries(pci(address, '0x020700', '0x15b3', '0x101b')).map(([path, text]) => [
        path.replace('/sys/bus/pci/devices', '/sys/devices/pci0000:3a'),
        text,
      ]),
    ),
    [`/sys/bus/pci/devices/${address}`]: { link: `../../../devices/pci0000:3a/${address}` },
  });
  const hca = (name: string, address: string, system: string): Files => ({
    ...device(address),
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/sys_image_guid`]: `${system}\n`,
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/node_guid`]: `${system}\n`,
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/hw_rev`]: '0\n',
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/ports/1/link_layer`]: 'InfiniBand\n',
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/ports/1/state`]: '4: ACTIVE\n',
    [`/sys/devices/pci0000:3a/${address}/infiniband/${name}/device`]: { link: '../..' },
    [`/sys/class/infiniband/${name}`]: { link: `../../devices/pci0000:3a/${address}/infiniband/${name}` },
  });

  it('for InfiniBand count once for each card, without virtual functions and software', async () => {
    const system = 'b859:9f03:00aa:0100';
    const document = await collect({
      ...hca('mlx5_0', '0000:3b:00.0', system),
      ...hca('mlx5_1', '0000:3b:00.1', system),
      ...hca('mlx5_2', '0000:3b:00.2', 'b859:9f03:00aa:0200'),
      '/sys/devices/pci0000:3a/0000:3b:00.2/physfn': { link: '../0000:3b:00.0' },
      '/sys/class/infiniband/rxe0/node_guid': '0:0:0:0\n',
    });
    expect(document.discovered_hcas).equals(1);
    const [card] = ofKind(document, 'hca');
    expect(card).includes({ location: '0000:3b:00.0', model: '0x15b3:0x101b', serial: null });
    expect(card?.details).deep.includes({ guid: system, hw_rev: '0', functions: 2 });
    expect(card?.passing).deep.includes({ device_name: 'mlx5_0,mlx5_1' });
    expect(document.reasons['hca.serial']).matches(/vpd cannot be read/);
  });

  it('for InfiniBand without a driver are missed, not absent', async () => {
    const document = await collect({ ...pci('0000:3b:00.0', '0x020700', '0x15b3', '0x101b'), '/sys/class/net/': '' });
    expect(document.discovered_hcas).equals(null);
    expect(document.reasons['hca']).matches(/PCI shows 0000:3b:00.0: its driver is not loaded/);
  });

  const nic = (name: string, address: string, files: Files = {}): Files => ({
    ...device(address),
    [`/sys/devices/pci0000:3a/${address}/net/${name}/address`]: '3c:ec:ef:1a:2b:30\n',
    [`/sys/devices/pci0000:3a/${address}/net/${name}/device`]: { link: '../..' },
    [`/sys/class/net/${name}`]: { link: `../../devices/pci0000:3a/${address}/net/${name}` },
    ...Object.fromEntries(
      Object.entries(files).map(([file, text]) => [`/sys/devices/pci0000:3a/${address}/net/${name}/${file}`, text]),
    ),
  });

  it('for networks: those with hardware, by their own address and not that of their bond', async () => {
    const document = await collect({
      ...nic('eno1', '0000:18:00.0', { 'bonding_slave/perm_hwaddr': '3c:ec:ef:1a:2b:31\n', speed: '25000\n' }),
      ...nic('usb0', '0000:18:00.1', { addr_assign_type: '1\n' }),
      ...nic('eno1v0', '0000:18:00.2'),
      '/sys/devices/pci0000:3a/0000:18:00.2/physfn': { link: '../0000:18:00.0' },
      ...nic('ib0', '0000:18:00.3', { type: '32\n' }),
      '/sys/class/net/bond0/address': '3c:ec:ef:1a:2b:30\n',
    });
    expect(document.discovered_nics).equals(2);
    expect(
      ofKind(document, 'nic').map(({ location, serial, passing }) => [location, serial, passing['speed_mbit_s']]),
    ).deep.equals([
      ['0000:18:00.0', '3c:ec:ef:1a:2b:31', 25_000],
      ['0000:18:00.1', null, null],
    ]);
    expect(document.reasons['nic.mac']).matches(/0000:18:00.1: .* was made up by the driver/);
  });

  it('for networks: an address that was taken or set is none of the port', async () => {
    for (const [type, own] of [
      ['0', true],
      ['1', false],
      ['2', false],
      ['3', false],
    ] as const) {
      const document = await collect(nic('eno1', '0000:18:00.0', { addr_assign_type: `${type}\n` }));
      const [port] = ofKind(document, 'nic');
      expect(port?.serial, type).equals(own ? '3c:ec:ef:1a:2b:30' : null);
      expect(port?.details['mac'], type).equals(port?.serial);
      expect('nic.serial' in document.reasons, type).equals(!own);
    }
  });

  it('for networks whose ports share a PCI function have places of their own', async () => {
    const document = await collect({
      ...nic('a', '0000:18:00.0', { dev_port: '1\n' }),
      ...nic('b', '0000:18:00.0', { dev_port: '0\n' }),
    });
    expect(ofKind(document, 'nic').map(({ location, passing }) => [location, passing['device_name']])).deep.equals([
      ['0000:18:00.0 port 0', 'b'],
      ['0000:18:00.0 port 1', 'a'],
    ]);
  });
});

const SMART = (n: number) => `nvme smart-log -o json /dev/nvme${n}`;

describe('solid state drives', () => {
  after(removeTrees);

  const nvme = (n: number, files: Files = {}): Files => ({
    [`/sys/class/nvme/nvme${n}/serial`]: `S64FNN0T90012${n}      \n`,
    [`/sys/class/nvme/nvme${n}/model`]: 'SAMSUNG MZQL2960HCJR-00A07              \n',
    [`/sys/class/nvme/nvme${n}/firmware_rev`]: 'GDC5902Q\n',
    [`/sys/class/nvme/nvme${n}/address`]: `0000:0${n}:00.0\n`,
    [`/sys/block/nvme${n}n1/size`]: '1875385008\n',
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`/sys/class/nvme/nvme${n}/${file}`, text])),
  });

  it('of NVMe: each program costs its own drive the wear and nothing else', async () => {
    const outputs = {
      [SMART(0)]: '{"percent_used":4,"avail_spare":100,"data_units_written":1,"data_units_read":2}',
      [SMART(1)]: { reason: 'nvme did not end within 10000 ms' },
      [SMART(2)]: '{"percent_used":',
      'smartctl -j -a /dev/nvme2': '{"nvme_smart_health_information_log":{"percentage_used":9}}',
    };
    const document = await collect(
      { ...nvme(0), ...nvme(1), ...nvme(2), ...nvme(3, { transport: 'tcp\n' }) },
      told(outputs),
    );
    expect(document.discovered_ssds).equals(3);
    const drives = ofKind(document, 'ssd');
    expect(drives.map(({ location, passing }) => [location, passing['wear_lifespan_used']])).deep.equals([
      ['0000:00:00.0', 4],
      ['0000:01:00.0', null],
      ['0000:02:00.0', 9],
    ]);
    expect(drives[0]).includes({ serial: 'S64FNN0T900120', model: 'SAMSUNG MZQL2960HCJR-00A07', firmware: 'GDC5902Q' });
    expect(drives[0]?.details).includes({ size: 960_197_124_096 });
    expect(drives[0]?.passing).includes({ wear_total_bytes_written: 512_000, wear_total_bytes_read: 1_024_000 });
    expect(document.reasons['ssd.wear_lifespan_used']).equals(
      '0000:01:00.0: nvme did not end within 10000 ms; smartctl: not found',
    );
  });

  it('of which smartctl tells by its status that they fail are told all the same', async () => {
    const smartctl = (status: number) =>
      `#!/bin/sh\necho '{"endurance_used":{"current_percent":120}}'; exit ${status}\n`;
    for (const [status, wear] of [
      [0, 120],
      [0x48, 120],
      [2, null],
    ] as const) {
      const disk = { '/sys/block/sda/queue/rotational': '0\n', '/sys/block/sda/device/model': 'X1\n' };
      const root = writeTree({ ...NO_DEVICES, ...disk, '/bin/smartctl': smartctl(status) });
      chmodSync(join(root, 'bin/smartctl'), 0o755);
      const document = await collectInventory({ host: realHost({ root, path: join(root, 'bin') }), now });
      expect(ofKind(document, 'ssd')[0]?.passing).includes({ wear_lifespan_used: wear });
    }
  });

  it('that smartctl could not ask: its own words say why', async () => {
    const disk = { '/sys/block/sda/queue/rotational': '0\n', '/sys/block/sda/device/model': 'X1\n' };
    const words = '{"smartctl":{"messages":[{"string":"Smartctl open device: /dev/sda failed: Permission denied"}]}}';
    const root = writeTree({ ...NO_DEVICES, ...disk, '/bin/smartctl': `#!/bin/sh\necho '${words}'; exit 2\n` });
    chmodSync(join(root, 'bin/smartctl'), 0o755);
    const document = await collectInventory({ host: realHost({ root, path: join(root, 'bin') }), now });
    expect(document.reasons['ssd.wear_lifespan_used']).equals(
      'smartctl ended with 2: Smartctl open device: /dev/sda failed: Permission denied',
    );
  });

  it('of SATA have their serial from the kernel, whole names from smartctl; others are passed over', async () => {
    const disk = (name: string, rotational: string, removable = '0'): Files => ({
      [`/sys/block/${name}/queue/rotational`]: `${rotational}\n`,
      [`/sys/block/${name}/removable`]: `${removable}\n`,
      [`/sys/block/${name}/size`]: '1000\n',
      [`/sys/block/${name}/device/vendor`]: 'ATA     \n',
      [`/sys/block/${name}/device/model`]: 'SAMSUNG MZ7LH480\n',
    });
    const files = {
      ...disk('sda', '0'),
      '/sys/block/sda/device/vpd_pg80': Buffer.from('\x00\x80\x00\x0eS45PNA0M512345', 'latin1'),
      ...disk('sdb', '1'),
      ...disk('sdc', '0', '1'),
      ...disk('loop0', '0'),
      ...disk('zram0', '0'),
    };
    const bare = await collect(files);
    expect(
      ofKind(bare, 'ssd').map(({ location, serial, model, vendor }) => [location, serial, model, vendor]),
    ).deep.equals([['sda', 'S45PNA0M512345', null, null]]);
    expect(ofKind(bare, 'ssd')[0]?.passing).includes({ kernel_model: 'SAMSUNG MZ7LH480' });
    const smart = await collect(
      files,
      told({ 'smartctl -j -a /dev/sda': '{"model_name":"SAMSUNG MZ7LH480HAHQ-00005","serial_number":"\\ud800"}' }),
    );
    expect(ofKind(smart, 'ssd')[0]).includes({ model: 'SAMSUNG MZ7LH480HAHQ-00005', serial: 'S45PNA0M512345' });
  });
});

describe('a collection', () => {
  after(removeTrees);

  it('runs each program once, and ends when programs throw', async () => {
    const runs: string[] = [];
    await collect({ ...A100, ...TWO_SOCKETS }, told({}, runs));
    expect(runs.sort()).deep.equals(['dmidecode', 'ipmitool lan print', 'ipmitool mc info', SMI]);
    const document = await collect(
      { ...A100, ...TWO_SOCKETS },
      { run: () => Promise.reject(new Error('spawn EAGAIN')) },
    );
    expect(document).includes({ installed_memory: 394782132, discovered_sockets: 2, bmc_address: null });
    expect(document.reasons).includes({
      bmc_address: 'the reader of bmc failed: spawn EAGAIN',
      gpu: 'the reader of gpus failed: spawn EAGAIN',
    });
  });

  it('takes real programs that crash, are killed or flood for what they are', async () => {
    const root = writeTree({
      ...NO_DEVICES,
      ...A100,
      '/bin/dmidecode': '#!/bin/sh\necho "/dev/mem: Permission denied"; exit 1\n',
      '/bin/ipmitool': '#!/bin/sh\nkill -9 $$\n',
      '/bin/nvidia-smi': '#!/bin/sh\nexec /usr/bin/yes "<nvidia_smi_log><gpu>"\n',
    });
    for (const program of ['dmidecode', 'ipmitool', 'nvidia-smi']) chmodSync(join(root, 'bin', program), 0o755);
    const document = await collectInventory({ host: realHost({ root, path: join(root, 'bin') }), now });
    expect(document).includes({ discovered_gpus: 1, discovered_dimms: null, bmc_address: null });
    expect(document.reasons['dimm.serial'] ?? document.reasons['dimm']).matches(
      /^dmidecode ended with 1: .dev.mem: Perm/,
    );
    expect(document.reasons['bmc_address']).matches(/^ipmitool ended/);
    expect(document.reasons['gpu.serial']).matches(/^nvidia-smi (wrote more|did not end|ended)/);
  }).timeout(60_000);

  it('stays below its bounds, whatever the machine claims to be', async () => {
    const many = Array.from({ length: 2048 }, (_, i) =>
      DIMM(`D${i}`, `\tSize: 16 GB\n\tPart Number: ${'\u00fc'.repeat(100)}`),
    ).join('');
    const document = await collect(TWO_SOCKETS, told({ dmidecode: many }));
    expect(JSON.stringify(document).replace(/[\u0080-\uffff]/g, '123456').length).below(100 * 1024);
    expect(document.discovered_dimms).equals(2048);
    expect(document.reasons['hardware']).matches(/^no room for \d+ parts: dimm D\d+/);
    expect(document.reasons['dimm']).equals('not all of them had room');
    const plain = Array.from({ length: 2048 }, (_, i) => DIMM(`D${i}`, '\tSize: 16 GB')).join('');
    expect((await collect({}, told({ dmidecode: plain }))).hardware.length).at.most(1024);
  });

  it('is the same whatever the order of names and answers', async () => {
    const document = await collect({ ...A100, ...TWO_SOCKETS });
    const keys = document.hardware.map(({ kind, location }) => `${kind} ${location}`);
    expect(keys).deep.equals([...keys].sort());
  });

  it('can be probed: every reader tells its time, what it found and what it misses', async () => {
    let ms = 0;
    const probes: Probe[] = [];
    for await (const probe of probeInventory(machine({ ...TWO_SOCKETS, ...A100 }, told({})), now, () => ms++))
      probes.push(probe);
    expect(probes.map(({ collector }) => collector)).includes.members([
      'inventory machine',
      'inventory gpus',
      'inventory ssds',
    ]);
    expect(probes.every((probe) => probe.ms === 1)).equals(true);
    const of = (name: string) => probes.find(({ collector }) => collector === `inventory ${name}`);
    expect(of('gpus')?.found).equals('1 gpu: 1 unknown');
    expect(of('ssds')).deep.includes({ found: '0 ssd', missing: {} });
    expect(of('dimms')?.found).equals(null);
    expect(of('memory')?.found).equals('installed_memory 394782132, installed_swap 4194300');
    expect(of('bmc')).deep.includes({
      found: null,
      missing: { bmc_address: 'ipmitool: not found', bmc_version: 'ipmitool: not found' },
    });
  });
});
