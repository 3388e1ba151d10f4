import { code, fail } from '@csm/model';
import { type CommandSpec, nodesetArgument } from '../command.ts';
import { text } from '../given.ts';
import { answerText } from '../print/answer.ts';
import { ChartData, CURVES_MAX } from '../samples/chart.ts';
import { QUERY_OPTIONS, readQuery } from '../samples/query.ts';
import { replaceFile } from '../samples/replace-file.ts';
import { svg } from '../samples/svg.ts';
import { count, nodesWords, printable } from '../text.ts';
import { nothing } from './env-query.ts';

export const envPlot: CommandSpec = {
  path: ['env', 'plot'],
  arguments: [nodesetArgument(true)],
  options: [
    ...QUERY_OPTIONS,
    { flags: '--svg <file>', help: 'the chart is written there; - writes it to stdout; needed' },
  ],
  call: 'env.query',
  summary: 'Draws what the nodes have measured',
  purpose: `Writes one SVG file that needs nothing else and reads well on light and dark. Metrics of one unit share a panel. Up to ${CURVES_MAX} series (a
metric of a node) have a line each; more are folded, for each metric over all nodes, into their mean within a band from the
least to the greatest value. Where samples are missing lines break. Times are UTC. A file that is there is replaced, whole
or not at all.`,
  examples: [
    { title: 'Eight nodes in the last hour', line: "csm env plot 'n[001-008]' --item cpu --svg /tmp/cpu.svg" },
    {
      title: 'What memory they used in a day, in means of ten minutes',
      line: "csm env plot 'n[001-008]' --item memory --since 1d --step 10m --svg /tmp/memory.svg",
    },
  ],
  exits: [[4, 'no sample matches; nothing is written']],
  run: async (session, given) => {
    const file = text(given, 'svg') ?? missingFile();
    const { input, stepMs, from, to } = readQuery(given, session.now());
    const data = new ChartData(stepMs);
    for await (const sample of session.client.stream('env.query', input, session.callOptions)) data.add(sample);
    const panels = data.panels();
    if (panels.length === 0) nothing();
    const title = `${input.item} of ${nodesWords(input.nodes)}${stepMs === undefined ? '' : `, ${agg(input)} of each ${text(given, 'step')}`}`;
    const chart = svg({ title, panels, from: Math.min(from, data.span.from), to: Math.max(to, data.span.to), stepMs });
    if (file === '-') {
      await session.print(chart);
      return 0;
    }
    await replaceFile(file, chart, '--svg');
    const lines = panels.reduce((sum, { curves }) => sum + curves.length, 0);
    const answer = {
      file,
      samples: data.samples,
      panels: panels.length,
      curves: lines,
      bytes: Buffer.byteLength(chart),
    };
    const words = () => `wrote ${printable(file)}: ${count(data.samples, 'sample')}, ${count(lines, 'curve')}\n`;
    await session.print(answerText(session, answer, words, 'record'));
    return 0;
  },
};

const agg = ({ agg }: { readonly agg?: string | undefined }): string => agg ?? 'avg';

const missingFile = (): never =>
  fail(code.MISSING_PARAMETER, "the option '--svg' is missing", {
    field: '--svg',
    allowed: 'the file for the chart, or - for stdout',
  });
