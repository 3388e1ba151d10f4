import { expect } from 'chai';
import { localMounts } from '../src/collect/filesystem.ts';
import { countersOf, type Files, gaugesOf, hostOf, read, removeTrees, whyNot } from './support.ts';

/** proc_stat(5), proc_loadavg(5); the line intr is as long as on a machine with many interrupts. */
const STAT = [
  'cpu  100 20 30 4000 50 6 7 8 90 10',
  'cpu0 100 20 30 4000 50 6 7 8 90 10',
  `intr 12345${' 0'.repeat(100_000)}`,
  'ctxt 9876543210123',
  'btime 1700000000',
  'processes 4321',
  'procs_running 3',
  'procs_blocked 1',
  'softirq 1 2 3',
  '',
].join('\n');
const CPU: Files = {
  '/proc/stat': STAT,
  '/proc/loadavg': '0.52 0.58 0.59 3/602 12345\n',
  '/proc/pressure/cpu':
    'some avg10=0.00 avg60=0.33 avg300=6.46 total=122214458\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
};

const MEMORY: Files = {
  '/proc/meminfo':
    'MemTotal:       16384 kB\nMemFree:         8192 kB\nMemAvailable:   12288 kB\nBuffers:           16 kB\nCached:           512 kB\nSwapCached:         0 kB\nSwapTotal:       2048 kB\nSwapFree:        1024 kB\nDirty:              4 kB\nSlab:              64 kB\nHugePages_Total:       0\n',
  '/proc/vmstat': 'nr_free_pages 1\npgfault 1000\npgmajfault 10\npswpin 1\npswpout 2\noom_kill 5\n',
};

const NETWORK: Files = {
  '/proc/net/dev': [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    '  eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    'eth0.100: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    'veth12ab: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    '   ib0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
    '',
  ].join('\n'),
};

const stat = (name: string, n = 100): string =>
  `   8       0 ${name} ${n} 0 ${n * 8} 10 ${n} 0 ${n * 16} 20 0 777 30 0 0 0 0 0 0`;
const disks = (...names: string[]): Files => ({ '/proc/diskstats': names.map((name) => `${stat(name)}\n`).join('') });

describe('collectors of /proc and /sys', () => {
  after(removeTrees);

  it('cpu: times, switches, forks, load and pressure; guests are in user already', async () => {
    const reading = await read('cpu', hostOf(CPU));
    expect(gaugesOf(reading)).deep.equals({ procs_running: 3, procs_blocked: 1, load1: 0.52 });
    expect(countersOf(reading)).deep.equals({
      user_percent: 120,
      system_percent: 30,
      iowait_percent: 50,
      irq_percent: 13,
      steal_percent: 8,
      idle_percent: 4000,
      context_switches_per_second: 9876543210123,
      forks_per_second: 4321,
      pressure_some_percent: 122214458,
    });
  });

  it('cpu: a kernel without pressure lacks it, and that is no fault', async () => {
    const reading = await read('cpu', hostOf({ '/proc/stat': STAT, '/proc/loadavg': '0.52 0.58 0.59 3/602 12345\n' }));
    expect([...reading.missing.keys()]).deep.equals(['pressure_some_percent']);
    expect(reading.faults.size).equals(0);
  });

  for (const [what, files, why] of [
    ['nothing', {}, /^absent: \/proc\/stat cannot be read/],
    ['an empty file', { '/proc/stat': '' }, /^failed: \/proc\/stat has no whole line 'cpu/],
    ['a line cut off', { '/proc/stat': 'cpu  1 2 3 4 5 6 7 8' }, /no whole line 'cpu/],
    ['words', { '/proc/stat': 'cpu  1 2 three 4 5 6 7\n' }, /the line cpu of \/proc\/stat is '1 2 three/],
    ['a negative number', { '/proc/stat': STAT.replace('cpu  100', 'cpu  -100') }, /is '-100 20/],
    ['no end', { '/proc/stat': STAT.repeat(24) }, /larger than the 4194304 bytes allowed/],
    ['a torn load', { ...CPU, '/proc/loadavg': '0.5' }, /no load average/],
    ['a torn pressure', { ...CPU, '/proc/pressure/cpu': 'some avg10=0.00 total=12' }, /no whole line 'some/],
  ] as const)
    it(`cpu: ${what} is told in words`, async () => {
      expect(await whyNot('cpu', hostOf(files))).matches(why);
    });

  for (const [what, from, to, part, why] of [
    [
      'a number beyond 64 bits',
      'cpu  100',
      'cpu  99999999999999999999',
      'user_percent',
      /^user_percent is 100000000000000000000,/,
    ],
    [
      'impossible running threads',
      'running 3',
      'running 99999999999',
      'procs_running',
      /^procs_running is 99999999999/,
    ],
  ] as const)
    it(`cpu: ${what} is a fault of that value, and the others stand`, async () => {
      const reading = await read('cpu', hostOf({ ...CPU, '/proc/stat': STAT.replace(from, to) }));
      expect([...reading.faults.keys()]).deep.equals([part]);
      expect(reading.faults.get(part)).matches(why);
      expect(reading.gauges.get('procs_blocked')).equals(1);
      expect(reading.gauges.has(part) || reading.counters.has(part)).equals(false);
    });

  it('memory: use in bytes, and counters of paging', async () => {
    const reading = await read('memory', hostOf(MEMORY));
    expect(gaugesOf(reading)).deep.equals({
      total_bytes: 16777216,
      available_bytes: 12582912,
      free_bytes: 8388608,
      cached_bytes: 524288,
      buffers_bytes: 16384,
      dirty_bytes: 4096,
      slab_bytes: 65536,
      swap_used_bytes: 1048576,
    });
    expect(countersOf(reading)).deep.equals({
      page_faults_per_second: 1000,
      major_faults_per_second: 10,
      swap_in_pages_per_second: 1,
      swap_out_pages_per_second: 2,
      oom_kills: 5,
    });
    expect(reading.missing.get('edac')).equals('the kernel has no EDAC driver for this machine');
  });

  it('memory: errors by controller and module; one count that is no number is a fault of that part alone', async () => {
    const mc = '/sys/devices/system/edac/mc';
    const reading = await read(
      'memory',
      hostOf({
        ...MEMORY,
        [`${mc}/mc0/ce_count`]: '7\n',
        [`${mc}/mc0/ue_count`]: '1\n',
        [`${mc}/mc0/dimm0/dimm_ce_count`]: '7\n',
        [`${mc}/mc0/dimm0/dimm_ue_count`]: '0\n',
        [`${mc}/mc1/ce_count`]: 'many\n',
        [`${mc}/power/async`]: '\n',
      }),
    );
    expect(gaugesOf(reading)).includes({
      'mc0.edac_corrected_errors': 7,
      'mc0.edac_uncorrected_errors': 1,
      'mc0/dimm0.edac_corrected_errors': 7,
      'mc0/dimm0.edac_uncorrected_errors': 0,
    });
    expect([...reading.faults.keys()]).deep.equals(['mc1']);
  });

  for (const [what, meminfo, why] of [
    ['a torn file', 'MemTotal:       1638', /no whole line MemTotal/],
    ['another unit', 'MemTotal:       16384 MB\n', /line MemTotal that is not/],
  ] as const)
    it(`memory: ${what} fails`, async () => {
      expect(await whyNot('memory', hostOf({ '/proc/meminfo': meminfo }))).matches(why);
    });

  it('memory: more free than there is is a fault of that value', async () => {
    const meminfo = 'MemTotal: 1 kB\nMemFree: 2 kB\nSwapTotal: 1 kB\nSwapFree: 2 kB\n';
    const reading = await read('memory', hostOf({ '/proc/meminfo': meminfo }));
    expect(gaugesOf(reading)).deep.equals({ total_bytes: 1024 });
    expect(reading.faults.get('free_bytes')).matches(/MemFree larger than MemTotal/);
    expect(reading.faults.get('swap_used_bytes')).matches(/swap_used_bytes is -1024/);
  });

  it('network: interfaces to other nodes; a dot in a name cannot stand in a value', async () => {
    const reading = await read('network', hostOf(NETWORK));
    expect([...reading.instances]).deep.equals(['eth0', 'eth0_100', 'ib0']);
    expect(countersOf(reading)).includes({
      'eth0.receive_bytes_per_second': 2 ** 64,
      'eth0.receive_packets_per_second': 2,
      'eth0.receive_errors_per_second': 3,
      'eth0.receive_drops_per_second': 4,
      'eth0.transmit_bytes_per_second': 9,
      'eth0.transmit_packets_per_second': 10,
      'eth0.transmit_errors_per_second': 11,
      'eth0.transmit_drops_per_second': 12,
    });
  });

  it('network: names that become the same keep the first', async () => {
    const heading = 'a\nb\n';
    const line = (name: string, n: number): string => `${name}: ${n}${' 0'.repeat(15)}\n`;
    const reading = await read('network', hostOf({ '/proc/net/dev': heading + line('e.1', 1) + line('e@1', 2) }));
    expect(countersOf(reading)).includes({ 'e_1.receive_bytes_per_second': 1 });
  });

  it('network: a flood of interfaces, a torn line and a node on its own', async () => {
    const heading = 'a\nb\n';
    const many = Array.from({ length: 600 }, (_, i) => `eth${i}:${' 0'.repeat(16)}\n`).join('');
    expect(await whyNot('network', hostOf({ '/proc/net/dev': heading + many }))).matches(
      /failed: .*more than 4096 values/,
    );
    expect(await whyNot('network', hostOf({ '/proc/net/dev': `${heading}eth0: 1 2 3\n` }))).matches(
      /failed: the line eth0/,
    );
    expect(await whyNot('network', hostOf({ '/proc/net/dev': `${heading}eth0: 1 2` }))).matches(/failed: .*cut/);
    expect(await whyNot('network', hostOf({ '/proc/net/dev': `${heading}lo:${' 0'.repeat(16)}\n` }))).matches(
      /^absent/,
    );
  });

  it('disk: whole disks, neither partitions nor what is made of other disks', async () => {
    const names = [
      'sda',
      'sda1',
      'sda15',
      'nvme0n1',
      'nvme0n1p1',
      'nvme0c0n1',
      'md127',
      'md127p1',
      'mmcblk0',
      'mmcblk0p1',
    ];
    const reading = await read('disk', hostOf(disks(...names, 'dm-0', 'loop0', 'zram0', 'ram1', 'sr0', 'xvda1')));
    expect([...reading.instances]).deep.equals(['sda', 'nvme0n1', 'md127', 'mmcblk0', 'xvda1']);
    expect(countersOf(reading)).includes({
      'sda.reads_per_second': 100,
      'sda.read_bytes_per_second': 800,
      'sda.writes_per_second': 100,
      'sda.write_bytes_per_second': 1600,
      'sda.busy_percent': 777,
    });
  });

  it('disk: none, torn, senseless', async () => {
    expect(await whyNot('disk', hostOf(disks('loop0')))).matches(/^absent/);
    expect(await whyNot('disk', hostOf({ '/proc/diskstats': '8 0 sda 1 2' }))).matches(/failed: .*cut/);
    expect(await whyNot('disk', hostOf({ '/proc/diskstats': '8 0 sda 1 2\n' }))).matches(/failed: the line sda/);
    const busy = stat('sda').replace('777', '4294967297');
    const reading = await read('disk', hostOf({ '/proc/diskstats': `${busy}\n` }));
    expect(reading.faults.get('sda.busy_percent')).matches(/^sda.busy_percent is 4294967297/);
    expect(reading.counters.has('sda.reads_per_second')).equals(true);
  });

  it('infiniband: ports of every adapter; what one does not tell is left out', async () => {
    const port = '/sys/class/infiniband/mlx5_0/ports/1/counters';
    const reading = await read(
      'infiniband',
      hostOf({
        [`${port}/port_rcv_data`]: '1000\n',
        [`${port}/port_xmit_data`]: '18446744073709551615\n',
        [`${port}/symbol_error`]: 'N/A (no PMA)\n',
        [`${port}/link_downed`]: '2\n',
        [`${port}/port_rcv_errors`]: 'x\n',
      }),
    );
    expect(countersOf(reading)).deep.equals({
      'mlx5_0/1.receive_bytes_per_second': 1000,
      'mlx5_0/1.transmit_bytes_per_second': 2 ** 64,
      'mlx5_0/1.link_downed': 2,
    });
    expect(reading.missing.get('mlx5_0/1.symbol_errors')).matches(/no PMA/);
    expect([...reading.faults.keys()]).deep.equals(['mlx5_0/1.receive_errors']);
    expect(await whyNot('infiniband', hostOf({}))).matches(/^absent/);
  });

  it('filesystem: local ones, each once, the last mount of a point, the root first', () => {
    const mounts = localMounts([
      'rootfs / rootfs rw 0 0',
      '/dev/vda1 /data ext4 rw 0 0',
      '/dev/vda1 / ext4 rw 0 0',
      'proc /proc proc rw 0 0',
      'server:/home /home nfs4 rw 0 0',
      'mgs:/scratch /scratch lustre rw 0 0',
      '/dev/vdb /mnt/with\\040blank xfs rw 0 0',
      'tmpfs /tmp tmpfs rw 0 0',
      'tmpfs /run/user/0 tmpfs rw 0 0',
      'host /mnt/fuse fuse.sshfs rw 0 0',
    ]);
    expect(mounts.map(({ point }) => point)).deep.equals(['/', '/mnt/with blank', '/tmp']);
  });

  it('filesystem: a mount point that is gone is a fault of that one alone', async () => {
    const reading = await read(
      'filesystem',
      hostOf({ '/proc/self/mounts': '/dev/a / ext4 rw 0 0\n/dev/b /gone xfs rw 0 0\n' }),
    );
    expect([...reading.instances]).deep.equals(['/']);
    expect(reading.faults.get('/gone')).equals('statfs of /gone failed: ENOENT');
    expect(await whyNot('filesystem', hostOf({ '/proc/self/mounts': 'proc /proc proc rw 0 0\n' }))).matches(/^absent/);
    expect(await whyNot('filesystem', hostOf({ '/proc/self/mounts': 'proc\n' }))).matches(
      /failed: .*which is no mount/,
    );
  });
});
