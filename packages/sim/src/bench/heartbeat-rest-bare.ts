/** The least that taking a heartbeat could cost: a server of Node alone that parses the body. argv: its port. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    // Whoever looks whether it listens sends none.
    if (body !== '') JSON.parse(body);
    response.end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
