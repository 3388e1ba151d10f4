import { expect } from 'chai';
import fc from 'fast-check';
import { ITEMS } from '../src/items.ts';
import { documents } from '../src/sink/documents.ts';

const TIME = Date.UTC(2026, 2, 5, 10, 20, 30, 456);
const of = (items: object, failed: object = {}) =>
  documents({ node: 'n001', incarnation: 'i7', seq: 12, time: TIME, body: { items, failed } });
const head = (type: string, id = 'n001:i7:12') => ({ type, source: 'n001', timestamp: '2026-03-05T10:20:30.456Z', id });
const parsed = (items: object) => of(items).map((line) => JSON.parse(line) as Record<string, unknown>);
/** Type and data, without what all documents have. */
const brief = (items: object) =>
  parsed(items).map((document) => {
    const data = Object.entries(document).filter(([key]) => key.startsWith('data.'));
    return [document['type'], Object.fromEntries(data)] as const;
  });

describe('documents of a report', () => {
  it('one line, flat keys, numbers as numbers', () => {
    expect(of({ cpu: { user_percent: 12.5, load1: 3 } })).to.deep.equal([
      '{"type":"csm-cpu-env","source":"n001","timestamp":"2026-03-05T10:20:30.456Z","id":"n001:i7:12","data.load1":3,"data.user_percent":12.5}',
    ]);
  });

  const table: readonly [what: string, items: object, expected: readonly (readonly [string, object])[]][] = [
    ['nothing was read', {}, []],
    ['an item without values', { cpu: {} }, []],
    [
      'several of a thing: one document each',
      {
        network: {
          'eth0.receive_bytes_per_second': 1,
          'ib0.receive_bytes_per_second': 2,
          'eth0.receive_errors_per_second': 0,
        },
      },
      [
        [
          'csm-network-env',
          { 'data.instance': 'eth0', 'data.receive_bytes_per_second': 1, 'data.receive_errors_per_second': 0 },
        ],
        ['csm-network-env', { 'data.instance': 'ib0', 'data.receive_bytes_per_second': 2 }],
      ],
    ],
    [
      'values of the machine and of its parts',
      { memory: { free_bytes: 5, 'mc0.edac_corrected_errors': 1 } },
      [
        ['csm-memory-env', { 'data.free_bytes': 5 }],
        ['csm-memory-env', { 'data.instance': 'mc0', 'data.edac_corrected_errors': 1 }],
      ],
    ],
    [
      "a GPU has CSM's names, and ours for what CSM does not know",
      {
        gpu: {
          '0.power_watts': 251.5,
          '0.temperature_celsius': 61,
          '0.memory_temperature_celsius': 70,
          '0.utilization_percent': 99,
          '0.memory_utilization_percent': 40,
          '0.encoder_utilization_percent': 1,
          '0.decoder_utilization_percent': 2,
          '0.sm_clock_mhz': 1380,
        },
      },
      [
        ['csm-gpu-env', { 'data.gpu_id': 0, 'data.gpu_mem_temp': 70, 'data.gpu_temp': 61 }],
        [
          'csm-gpu-counters',
          {
            'data.gpu_id': 0,
            'data.dec_util': 2,
            'data.enc_util': 1,
            'data.mem_copy_util': 40,
            'data.power_usage': 251.5,
            'data.sm_clock_mhz': 1380,
            'data.gpu_temp': 61,
            'data.gpu_util': 99,
          },
        ],
      ],
    ],
    [
      'a GPU that tells its power only',
      { gpu: { 'GPU-a1.power_watts': 30 } },
      [['csm-gpu-counters', { 'data.gpu_id': 'GPU-a1', 'data.power_usage': 30 }]],
    ],
    [
      'temperatures: all as ours, those of processors and DIMMs also as CSM has them',
      {
        temperature: {
          'coretemp-coretemp.0:Core_0.celsius': 50,
          'coretemp-coretemp.0:Package_id_0.celsius': 55,
          'coretemp-coretemp.1:Package_id_1.celsius': 57,
          'jc42-0-0018:temp1.celsius': 33,
        },
      },
      [
        ['csm-temperature-env', { 'data.instance': 'coretemp-coretemp.0:Core_0', 'data.celsius': 50 }],
        ['csm-temperature-env', { 'data.instance': 'coretemp-coretemp.0:Package_id_0', 'data.celsius': 55 }],
        ['csm-temperature-env', { 'data.instance': 'coretemp-coretemp.1:Package_id_1', 'data.celsius': 57 }],
        ['csm-temperature-env', { 'data.instance': 'jc42-0-0018:temp1', 'data.celsius': 33 }],
        ['csm-processor-env', { 'data.processor_id': 0, 'data.processor_temp': 55 }],
        ['csm-processor-env', { 'data.processor_id': 1, 'data.processor_temp': 57 }],
        ['csm-dimm-env', { 'data.dimm_id': 'jc42-0-0018', 'data.dimm_temp': 33 }],
      ],
    ],
    [
      'an AMD processor once, though its chip has several sensors',
      { temperature: { 'k10temp:Tccd1.celsius': 40, 'k10temp:Tctl.celsius': 45, 'k10temp:Tdie.celsius': 44 } },
      [
        ['csm-temperature-env', { 'data.instance': 'k10temp:Tccd1', 'data.celsius': 40 }],
        ['csm-temperature-env', { 'data.instance': 'k10temp:Tctl', 'data.celsius': 45 }],
        ['csm-temperature-env', { 'data.instance': 'k10temp:Tdie', 'data.celsius': 44 }],
        ['csm-processor-env', { 'data.processor_id': 0, 'data.processor_temp': 45 }],
      ],
    ],
  ];
  for (const [what, items, expected] of table) {
    // A chip's device may have a dot in its name only where the collectors let it; names in samples have none.
    const names = Object.fromEntries(
      Object.entries(items).map(([item, values]) => [
        item,
        Object.fromEntries(
          Object.entries(values as object).map(([k, v]) => [k.replace(/coretemp\.(\d)/, 'coretemp_$1'), v]),
        ),
      ]),
    );
    it(what, () => {
      const text = JSON.stringify(brief(names)).replaceAll(/coretemp_(\d)/g, 'coretemp.$1');
      expect(JSON.parse(text)).to.deep.equal(expected);
    });
  }

  it('the first has the id of the report, the others are numbered behind it', () => {
    const ids = parsed({
      power: { 'psys.watts': 200 },
      cpu: { load1: 1 },
      disk: { 'sda.busy_percent': 1, 'sdb.busy_percent': 2 },
    });
    expect(ids.map(({ id, type }) => `${String(id)} ${String(type)}`)).to.deep.equal([
      'n001:i7:12 csm-cpu-env',
      'n001:i7:12:1 csm-disk-env',
      'n001:i7:12:2 csm-disk-env',
      'n001:i7:12:3 csm-power-env',
    ]);
    expect(parsed({ cpu: { load1: 1 } })[0]).to.deep.equal({ ...head('csm-cpu-env'), 'data.load1': 1 });
  });

  it('a report gives the same lines in whatever order its values stand', () => {
    const name = fc.constantFrom(
      'a_percent',
      'b_bytes',
      'x.a_percent',
      'y.a_percent',
      'x.b_bytes',
      '0.power_watts',
      '1.power_watts',
    );
    const items = fc.dictionary(fc.constantFrom(...ITEMS), fc.dictionary(name, fc.integer()));
    fc.assert(
      fc.property(items, (given) => {
        const turned = Object.fromEntries(
          Object.entries(given)
            .reverse()
            .map(([item, values]) => [item, Object.fromEntries(Object.entries(values).reverse())]),
        );
        const lines = of(given);
        expect(of(turned)).to.deep.equal(lines);
        const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
        expect(new Set(ids).size).to.equal(lines.length);
        for (const line of lines) expect(line).not.to.include('\n');
      }),
    );
  });

  for (const [what, body] of [
    ['nothing', undefined],
    ['no object', 'x'],
    ['an item nobody knows', { items: { gpus: {} }, failed: {} }],
    ['a value that is no number', { items: { cpu: { load1: '1' } }, failed: {} }],
    ['a name with a line break', { items: { cpu: { 'load1\n': 1 } }, failed: {} }],
  ] as const) {
    it(`of ${what}: refused in words`, () => {
      expect(() => documents({ node: 'n', incarnation: 'i', seq: 1, time: TIME, body })).to.throw(
        /must be|not an item|is allowed/,
      );
    });
  }
});
