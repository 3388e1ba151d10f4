/** The process of the proxies: what keeps our own busy must not look like a slow network. */
import { TcpProxy } from './proxy.ts';
import type { FromProxies, ToProxies } from './proxy-messages.ts';

const proxies = new Map<number, TcpProxy>();
const tell = (message: FromProxies): void => void process.send?.(message);

// Nobody is left to tell it anything.
process.on('disconnect', () => process.exit());
process.on('message', (message: ToProxies) => {
  const { id } = message;
  if (message.do === 'start') {
    TcpProxy.start(message.host, message.target).then(
      (proxy) => {
        proxies.set(id, proxy);
        tell({ id, port: proxy.port });
      },
      (error: unknown) => tell({ id, error: error instanceof Error ? error.message : String(error) }),
    );
    return;
  }
  const proxy = proxies.get(id);
  switch (message.do) {
    case 'cut':
      proxy?.cut();
      return;
    case 'freeze':
      proxy?.freeze();
      return;
    case 'heal':
      proxy?.heal();
      return;
    case 'slow':
      proxy?.slow(message.ms);
      return;
    case 'tear':
      proxy?.tear();
      return;
    case 'tear-all':
      while (proxy?.tear() === true);
      return;
    default:
      message satisfies never;
  }
});
