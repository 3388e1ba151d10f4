import { expect } from 'chai';
import { COLLECTORS } from '../src/collect/index.ts';
import { context, type Files, gaugesOf, hostOf, read, removeTrees, whyNot } from './support.ts';

/** Every query that is asked for, as it is asked for: recorded answers are found by it. */
const GPU_ARGV = [
  'nvidia-smi',
  '--query-gpu=index,serial,uuid,pci.bus_id,power.draw,temperature.gpu,temperature.memory,utilization.gpu,utilization.memory,utilization.encoder,utilization.decoder,clocks.sm,clocks.mem,memory.used,memory.total,ecc.errors.uncorrected.volatile.total',
  '--format=csv,noheader,nounits',
].join(' ');

const gpuLine = (index: number | string, watts = '45.12'): string =>
  `${index}, 1234, GPU-1, 00000000:3B:00.0, ${watts}, 35, [N/A], 7, 8, 9, 10, 210, 405, 1, 16384, [Not Supported]\n`;
const gpuHost = (answer: string, files: Files = {}) => hostOf(files, { [GPU_ARGV]: answer });
const PCI: Files = {
  '/sys/bus/pci/devices/0000:3b:00.0/vendor': '0x10de\n',
  '/sys/bus/pci/devices/0000:3b:00.0/class': '0x030200\n',
};

const NVME: Files = { '/sys/class/nvme/nvme0/model': 'x\n' };
const SDA: Files = { '/sys/block/sda/queue/rotational': '0\n', '/sys/block/sdb/queue/rotational': '1\n' };
const NVME_LOG = {
  critical_warning: 0,
  temperature: 310,
  avail_spare: 100,
  percent_used: 3,
  data_units_read: 1000,
  data_units_written: '2000000',
  media_errors: 0,
  power_on_hours: 12345,
  unsafe_shutdowns: 4,
};

describe('collectors that ask programs', () => {
  after(removeTrees);

  it('gpu: by index; what a GPU does not tell is left out', async () => {
    const reading = await read('gpu', gpuHost(gpuLine(0) + gpuLine(1, '300.00')));
    expect(gaugesOf(reading)).includes({
      '0.power_watts': 45.12,
      '0.temperature_celsius': 35,
      '0.utilization_percent': 7,
      '0.memory_utilization_percent': 8,
      '0.encoder_utilization_percent': 9,
      '0.decoder_utilization_percent': 10,
      '0.sm_clock_mhz': 210,
      '0.memory_clock_mhz': 405,
      '0.memory_used_bytes': 1048576,
      '0.memory_total_bytes': 17179869184,
      '1.power_watts': 300,
    });
    expect(reading.size).equals(20);
    expect(reading.missing.get('0.memory_temperature_celsius')).equals('nvidia-smi says [N/A]');
  });

  for (const [what, answer, why] of [
    ['nothing but a cut line', gpuLine(0).slice(0, 40), /a line of 16 values is expected/],
    ['words for all values', `0, a, b, c${', plenty'.repeat(12)}\n`, /'plenty' for power.draw of GPU 0.*; and 9 more$/],
    ['a wrong index', gpuLine('x'), /a line of 16 values/],
    ['chatter', 'Unable to determine the device handle\n', /a line of 16 values/],
  ] as const)
    it(`gpu: ${what} fails the item`, async () => {
      expect(await whyNot('gpu', gpuHost(answer)))
        .matches(/^failed/)
        .and.matches(why);
    });

  for (const [what, watts, why] of [
    ['words', 'plenty', /'plenty' for power.draw of GPU 0/],
    ['no number', 'nan', /'nan' for power.draw/],
    ['infinity', 'inf', /'inf'/],
    ['more than any GPU draws', '999999999', /0.power_watts is 999999999, 0 to 100000 W can be true/],
    ['a negative power', '-1', /power_watts is -1/],
  ] as const)
    it(`gpu: ${what} is a fault of that value, and the others stand`, async () => {
      const reading = await read('gpu', gpuHost(gpuLine(0, watts) + gpuLine(1)));
      expect([...reading.faults.keys()]).deep.equals(['0.power_watts']);
      expect(reading.faults.get('0.power_watts')).matches(why);
      expect(gaugesOf(reading)).includes({ '0.temperature_celsius': 35, '1.power_watts': 45.12 });
      expect(reading.gauges.has('0.power_watts')).equals(false);
    });

  it('gpu: one that does not answer is a fault of that one alone', async () => {
    const lost = 'Unable to determine the device handle for GPU0000:02:00.0: Unknown Error\n';
    const reading = await read('gpu', gpuHost(gpuLine(0) + lost));
    expect([...reading.instances]).deep.equals(['0']);
    expect(reading.faults.get('line 2')).matches(/^nvidia-smi wrote 'Unable to determine the device handle/);
  });

  it('gpu: the first of two lines with one index stays', async () => {
    const reading = await read('gpu', gpuHost(gpuLine(0, 'x') + gpuLine(0, '300')));
    expect(reading.gauges.has('0.power_watts')).equals(false);
    expect(reading.faults.get('line 2')).equals('nvidia-smi names GPU 0 twice');
  });

  it('gpu: columns an old driver does not know are asked no more, and are simply not there', async () => {
    const unknown = ['utilization.encoder', 'utilization.decoder'];
    const asked: string[] = [];
    const programs = {
      run: async (argv: readonly string[]) => {
        const columns = (argv[1] ?? '').slice('--query-gpu='.length).split(',');
        asked.push(columns.join());
        const wrong = unknown.find((query) => columns.includes(query));
        if (wrong !== undefined)
          return { reason: `nvidia-smi ended with 2: Field "${wrong}" is not a valid field to query.` };
        return { value: `0${', 1'.repeat(columns.length - 1)}\n` };
      },
    };
    const host = { ...hostOf(PCI), programs };
    const learnt = new Set<string>();
    const reading = await read('gpu', host, { learnt });
    expect(asked.length).equals(3);
    expect(gaugesOf(reading)).includes({ '0.power_watts': 1, '0.sm_clock_mhz': 1, '0.ecc_uncorrected_errors': 1 });
    expect([...reading.gauges.keys()].filter((name) => name.includes('coder'))).deep.equals([]);
    expect([...reading.missing.keys()]).deep.equals(unknown);
    expect(reading.faults.size).equals(0);
    await read('gpu', host, { learnt });
    expect(asked.length).equals(4);
  });

  for (const [what, field, times] of [
    ['whatever it is asked', undefined, 7],
    ['a column nobody asked for', 'fan.speed', 1],
    ['the index, without which nothing can be told', 'index', 1],
  ] as const)
    it(`gpu: a driver that refuses ${what} is not asked for ever`, async () => {
      let asked = 0;
      const programs = {
        run: async (argv: readonly string[]) => {
          asked++;
          const last = (argv[1] ?? '').split(',').at(-1) ?? '';
          return { reason: `nvidia-smi ended with 2: Field "${field ?? last}" is not a valid field to query.` };
        },
      };
      const host = { ...hostOf(PCI), programs };
      expect(await whyNot('gpu', host)).matches(/^failed: nvidia-smi ended with 2: Field/);
      expect(asked).equals(times);
    });

  it('gpu: no program, no GPU, and a GPU whose program fails', async () => {
    expect(await whyNot('gpu', hostOf(PCI))).equals('absent: nvidia-smi: not found');
    expect(await whyNot('gpu', gpuHost(''))).matches(/^absent/);
    expect(await whyNot('gpu', gpuHost('! nvidia-smi ended with 9'))).equals(
      'absent: the PCI bus has no GPU of NVIDIA',
    );
    expect(await whyNot('gpu', gpuHost('! nvidia-smi ended with 9', PCI))).equals('failed: nvidia-smi ended with 9');
  });

  it('ssd: NVMe by its smart log, kelvins and data units made plain', async () => {
    const host = hostOf(NVME, { 'nvme smart-log -o json /dev/nvme0': JSON.stringify(NVME_LOG) });
    expect(gaugesOf(await read('ssd', host))).deep.equals({
      'nvme0.temperature_celsius': 37,
      'nvme0.used_percent': 3,
      'nvme0.available_spare_percent': 100,
      'nvme0.read_bytes': 512_000_000,
      'nvme0.written_bytes': 1_024_000_000_000,
      'nvme0.media_errors': 0,
      'nvme0.power_on_hours': 12345,
      'nvme0.unsafe_shutdowns': 4,
    });
  });

  it('ssd: SATA, and NVMe without nvme, by smartctl', async () => {
    const sata = {
      temperature: { current: 30 },
      power_on_time: { hours: 99 },
      logical_block_size: 512,
      ata_smart_attributes: {
        table: [
          { id: 5, name: 'Reallocated_Sector_Ct', raw: { value: 2 } },
          { id: 241, name: 'Total_LBAs_Written', raw: { value: 1000 } },
          { id: 177, name: 'Wear_Leveling_Count', raw: { value: 7 } },
          'torn',
        ],
      },
    };
    const nvme = { temperature: { current: 40 }, nvme_smart_health_information_log: { percentage_used: 5 } };
    const host = hostOf(
      { ...NVME, ...SDA },
      {
        'smartctl -j -a /dev/sda': JSON.stringify(sata),
        'smartctl -j -a /dev/nvme0': JSON.stringify(nvme),
      },
    );
    expect(gaugesOf(await read('ssd', host))).deep.equals({
      'nvme0.temperature_celsius': 40,
      'nvme0.used_percent': 5,
      'sda.temperature_celsius': 30,
      'sda.power_on_hours': 99,
      'sda.reallocated_sectors': 2,
      'sda.written_bytes': 512_000,
    });
  });

  for (const [what, answer, why] of [
    ['a torn answer', '{"temperature": 31', /wrote no JSON object/],
    ['a list', '[]', /wrote no JSON object/],
    ['an empty object', '{}', /nothing known/],
    ['a temperature of nothing', '{"temperature": 0}', /temperature_celsius is -273/],
    ['words for numbers', '{"temperature": "warm"}', /is "warm", not a number/],
    ['objects for numbers', '{"media_errors": {"a": 1}}', /not a number/],
    ['more life used than can be told', '{"percent_used": 256}', /used_percent is 256/],
    ['an end beyond numbers', '{"media_errors": 1e999}', /media_errors is Infinity/],
    ['a refusal', '! nvme ended with 1: permission denied', /permission denied/],
  ] as const)
    it(`ssd: ${what} fails the item`, async () => {
      expect(await whyNot('ssd', hostOf(NVME, { nvme: answer })))
        .matches(/^failed/)
        .and.matches(why);
    });

  it('ssd: a value that cannot be true is a fault of that value', async () => {
    const log = JSON.stringify({ ...NVME_LOG, temperature: 0, media_errors: 'many' });
    const reading = await read('ssd', hostOf(NVME, { nvme: log }));
    expect([...reading.faults.keys()]).deep.equals(['nvme0.temperature_celsius', 'nvme0.media_errors']);
    expect(gaugesOf(reading)).includes({ 'nvme0.used_percent': 3 });
  });

  it('ssd: one disk that does not answer is a fault of that one alone', async () => {
    const reading = await read(
      'ssd',
      hostOf(
        { ...NVME, '/sys/class/nvme/nvme1/model': 'x\n' },
        {
          'nvme smart-log -o json /dev/nvme0': JSON.stringify(NVME_LOG),
          'nvme smart-log -o json /dev/nvme1': '! nvme ended with 1',
        },
      ),
    );
    expect([...reading.instances]).deep.equals(['nvme0']);
    expect(reading.faults.get('nvme1')).equals('nvme1: nvme ended with 1');
  });

  it('ssd: no disk, and no program for one', async () => {
    expect(await whyNot('ssd', hostOf({}))).matches(/^absent: no solid-state disk/);
    expect(await whyNot('ssd', hostOf(NVME))).equals('absent: nvme: not found, and smartctl: not found');
  });

  it('tells the program what limits it has', async () => {
    let limits: unknown;
    const { signal } = new AbortController();
    const host = hostOf({});
    const programs = {
      run: async (_: readonly string[], options: object = {}) => {
        limits = options;
        return { value: gpuLine(0) };
      },
    };
    await COLLECTORS.gpu({ ...host, programs }, context({ signal }));
    expect(limits).deep.equals({ signal, maxOutput: 65536 });
  });
});
