/** wrk(1) with a script that posts heartbeats of many components in turn. */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

export const CONNECTIONS = 32;
const THREADS = 2;
/** wrk ends by itself; this is a stop for one that does not, seconds. */
const LATE_S = 60;

/** Where component number n stands: 256 nodes a cabinet. The script counts as this does. */
export function xnameOf(n: number): string {
  const [cabinet, rest] = [Math.floor(n / 256), n % 256];
  return `x${cabinet}c${rest >> 5}s${(rest >> 2) & 7}b${(rest >> 1) & 1}n${rest & 1}`;
}

/** A heartbeat as components send it, about 150 bytes. */
export const beatOf = (n: number) => ({
  Component: xnameOf(n),
  Hostname: `nid${String(n).padStart(6, '0')}`,
  NID: String(n),
  Status: 'OK',
  Timestamp: '2026-11-21T10:00:00.000000Z',
});

/** argv of the script: how many components, how many heartbeats a request, how many threads. */
const SCRIPT = `
local threads = 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local function beat(n)
  local rest = n % 256
  local name = string.format("x%dc%ds%db%dn%d", math.floor(n / 256), math.floor(rest / 32), math.floor(rest / 4) % 8,
    math.floor(rest / 2) % 2, rest % 2)
  return string.format('{"Component":"%s","Hostname":"nid%06d","NID":"%d","Status":"OK","Timestamp":"%s"}', name, n, n,
    "2026-11-21T10:00:00.000000Z")
end

local requests, at = {}, 0
function init(args)
  local count, batch, all = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
  local headers = { ["Content-Type"] = "application/json" }
  local beats = {}
  local function close()
    local body = batch == 1 and beats[1] or '{"Heartbeats":[' .. table.concat(beats, ",") .. ']}'
    requests[#requests + 1] = wrk.format("POST", wrk.path, headers, body)
    beats = {}
  end
  for n = id, count - 1, all do
    beats[#beats + 1] = beat(n)
    if #beats == batch then close() end
  end
  if #beats > 0 then close() end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"us":%d,"failed":%d,"p99":%.3f}\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99) / 1000))
end
`;

export interface WrkOrder {
  readonly url: string;
  readonly components: number;
  /** Heartbeats a request; above 1 as a batch. */
  readonly batch: number;
  readonly seconds: number;
}

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p99Ms: number;
}

/** Why wrk cannot be used, in words; undefined when it can. */
export function wrkFault(): string | undefined {
  // It tells its version and ends with 1.
  const { error } = spawnSync('wrk', ['--version'], { stdio: 'ignore' });
  return error === undefined ? undefined : 'wrk is not installed (Debian: apt-get install wrk)';
}

/** Writes the script; `file` is given to `runWrk`. */
export const writeScript = (file: string): void => writeFileSync(file, SCRIPT);

/** Posts as fast as answers come. Rejects when a request failed, or was not answered with 2xx. */
export async function runWrk(script: string, order: WrkOrder, signal: AbortSignal): Promise<WrkResult> {
  const { url, components, batch, seconds } = order;
  const how = [`-t${THREADS}`, `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const argv = [...how, '--', String(components), String(batch), String(THREADS)];
  const text = await new Promise<string>((resolve, reject) => {
    const options = { signal, timeout: (seconds + LATE_S) * 1000, encoding: 'utf8' as const };
    execFile('wrk', argv, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`wrk failed: ${stderr.trim() || error.message}`));
    });
  });
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`wrk told no figures: ${text.slice(-200)}`);
  const { requests, us, failed, p99 } = JSON.parse(line) as Record<'requests' | 'us' | 'failed' | 'p99', number>;
  if (failed > 0 || requests === 0) throw new Error(`of ${requests} requests ${failed} failed`);
  return { requests, seconds: us / 1e6, p99Ms: p99 };
}
