/** Gets one page over a unix socket and prints it: the least any command that asks a daemon must do. `node fetch.js SOCKET PATH`. */
import { get } from 'node:http';

const [, , socketPath = '', path = '/'] = process.argv;
get({ socketPath, path }, (response) => {
  if (response.statusCode !== 200) process.exitCode = 1;
  response.pipe(process.stdout);
}).once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
