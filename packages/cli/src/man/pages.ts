/** The manual pages: one for each command from its definition, and what is told by hand. */
import { API } from '@csm/client';
import { codeText, isCode } from '@csm/model';
import { type CommandSpec, commandName, type Option, placeOf } from '../command.ts';
import { COMMON_OPTIONS } from '../common.ts';
import { optionsOf, purposeOf, summaryOf, usageOf } from '../program.ts';
import { manPage, type Page, type PageInfo } from './roff.ts';
import { CSM_TEXT, CSMD_PAGE, GROUPS_PAGE } from './texts.ts';

export interface ManFile {
  /** `man1/csm-node-list.1` */
  readonly path: string;
  readonly text: string;
}

/** Settings of a daemon as Markdown, such as `csm_master.cfg`; the daemon's own tables make them. */
export interface SettingsPage {
  readonly name: string;
  readonly summary: string;
  readonly markdown: string;
}

/** All pages, csm(1) first. */
export function manPages(
  specs: readonly CommandSpec[],
  settings: readonly SettingsPage[],
  info: PageInfo,
): readonly ManFile[] {
  const pages: readonly Page[] = [
    overview(specs),
    ...specs.map((spec) => commandPage(spec, specs)),
    CSMD_PAGE,
    GROUPS_PAGE,
    ...settings.map(({ name, summary, markdown }) => ({
      name,
      section: 5 as const,
      summary,
      synopsis: [`/etc/csm/${name}`],
      body: `## Description\n\n${markdown.replaceAll(/^(#{2,3}) /gm, '#$1 ')}\n\n## See also\n\n\`csmd\`(8), \`csm\`(1)\n`,
    })),
  ];
  return pages.map((page) => ({
    path: `man${page.section}/${page.name}.${page.section}`,
    text: manPage(page, info),
  }));
}

const pageName = (spec: CommandSpec): string => commandName(spec).replaceAll(' ', '-');

const optionTable = (options: readonly Option[]): string =>
  `| option | meaning |\n|---|---|\n${options.map(({ flags, help }) => `| \`${flags}\` | ${help.replaceAll('|', '\\|')} |\n`).join('')}`;

function commandPage(spec: CommandSpec, specs: readonly CommandSpec[]): Page {
  const args = spec.arguments.map((one) => `| \`${placeOf(one)}\` | ${one.help.replaceAll('|', '\\|')} |\n`);
  if (spec.takesProgram === true) args.push('| `-- <command...>` | the program and its arguments, one word each |\n');
  const options = optionsOf(spec);
  const exits = exitsOf(spec);
  const body = [
    `## Description\n\n${summaryOf(spec)}.\n\n${purposeOf(spec)}\n`,
    args.length === 0 ? '' : `## Arguments\n\n| argument | meaning |\n|---|---|\n${args.join('')}`,
    options.length === 0 ? '' : `## Options\n\n${optionTable(options)}`,
    `## Options of every command\n\n${optionTable(COMMON_OPTIONS)}`,
    `## Examples\n\n${spec.examples.map(({ title, line }) => `${title}:\n\n\`\`\`\n${line}\n\`\`\`\n`).join('\n')}`,
    `## Exit status\n\n${exits}\nOther codes are those of every command, see \`csm\`(1).\n`,
    `## See also\n\n${seeAlso(spec, specs)}\n`,
  ];
  return {
    name: pageName(spec),
    section: 1,
    summary: summaryOf(spec).replace(/^[A-Z]/, (c) => c.toLowerCase()),
    synopsis: [`${commandName(spec)} ${usageOf(spec)}`],
    body: body.filter((part) => part !== '').join('\n'),
  };
}

function exitsOf(spec: CommandSpec): string {
  const known = new Map<number, string>([[0, 'all went well'], ...(spec.exits ?? [])]);
  const codes: readonly number[] = spec.call === undefined ? (spec.codes ?? []) : API[spec.call].codes;
  for (const c of codes) if (!known.has(c) && isCode(c)) known.set(c, codeText(c));
  const rows = [...known]
    .sort(([a], [b]) => a - b)
    .map(([c, words]) => `| \`${c}\` | ${words.replaceAll('|', '\\|')} |\n`);
  return `| exit | meaning |\n|---|---|\n${rows.join('')}`;
}

/** The other verbs of its noun. */
function seeAlso(spec: CommandSpec, specs: readonly CommandSpec[]): string {
  const near = specs.filter((other) => other !== spec && spec.path.length > 1 && other.path[0] === spec.path[0]);
  const groups = spec.arguments.some(({ name }) => name === 'nodeset') ? ['`csm-groups`(5)'] : [];
  return ['`csm`(1)', ...near.map((other) => `\`${pageName(other)}\`(1)`), ...groups].join(', ');
}

function overview(specs: readonly CommandSpec[]): Page {
  const list = specs.map((spec) => `| \`${pageName(spec)}\`(1) | ${summaryOf(spec).replaceAll('|', '\\|')} |\n`);
  const codes = [0, 4, 5, 8, 9, 12, 16, 22, 26, 27].filter(isCode).map((c) => `| \`${c}\` | ${codeText(c)} |\n`);
  return {
    name: 'csm',
    section: 1,
    summary: 'ask and command the cluster',
    synopsis: ['csm <noun> <verb> [arguments] [options]', 'csm [<noun> [<verb>]] --help', 'csm --version'],
    body: [
      CSM_TEXT.description,
      `## Commands\n\n| command | purpose |\n|---|---|\n${list.join('')}`,
      `## Options\n\n${optionTable(COMMON_OPTIONS)}`,
      CSM_TEXT.nodesets,
      `## Exit status\n\nThe code of CSM that stands for what happened; of several the highest.\n\n| exit | meaning |\n|---|---|\n${codes.join('')}| \`130\` | Ctrl-C ended the command (143: SIGTERM did) |\n`,
      CSM_TEXT.environment,
      `## See also\n\n\`csmd\`(8), \`csm-groups\`(5), \`csm_master.cfg\`(5)\n`,
    ].join('\n'),
  };
}
