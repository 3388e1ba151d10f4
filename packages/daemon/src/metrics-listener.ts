/** Where a daemon's figures are scraped, where that is set. Their code is loaded only then. */
import type { HostPort, Lifecycle, Log } from '@csm/kit';
import type { FiguresDoor } from './figures/door.ts';
import type { Figures } from './figures/index.ts';
import type { Sources } from './figures/sources.ts';

export class MetricsListener {
  #figures: Figures | undefined;

  /** There where they are served. */
  get figures(): Figures | undefined {
    return this.#figures;
  }

  /** It comes first of all parts: what the figures measure is then there to be measured from the beginning. */
  addTo(lifecycle: Lifecycle, at: HostPort, sources: Sources, log: Log): void {
    let door: FiguresDoor | undefined;
    lifecycle.add(
      'figures',
      async () => {
        const [{ Figures }, { FiguresDoor }] = await Promise.all([
          import('./figures/index.ts'),
          import('./figures/door.ts'),
        ]);
        const figures = new Figures(sources);
        this.#figures = figures;
        const { contentType } = figures.metrics;
        door = new FiguresDoor({ at, contentType, text: () => figures.text(), log });
        await door.listen();
      },
      async () => {
        await door?.close();
        this.#figures?.metrics.close();
      },
    );
  }
}
