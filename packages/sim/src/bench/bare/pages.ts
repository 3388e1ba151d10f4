/** A bare HTTP server on a unix socket that answers everything with one file. Run as `node pages.js <JSON>`; the order is `serve`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { serveOrders } from './orders.ts';

export interface PagesFiles {
  readonly socket: string;
  readonly file: string;
}

const { socket, file } = JSON.parse(process.argv[2] ?? '{}') as PagesFiles;

serveOrders(async () => {
  const page = readFileSync(file);
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': page.length });
    response.end(page);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return { bytes: page.length };
});
