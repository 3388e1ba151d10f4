import { access } from '@csm/access';
import { ApiTable } from '@csm/api';
import { cluster } from '@csm/cluster';
import { environment } from '@csm/environment';
import type { Feature } from '@csm/feature';
import { heartbeat } from '@csm/heartbeat';
import { node } from '@csm/node';
import { stream } from '@csm/stream';

/** Every feature there is. A new one is added here and nowhere else. */
export const FEATURES: readonly Feature[] = [node, environment, access, stream, heartbeat, cluster];

/** The whole API, from which routes, access check, OpenAPI document, client and reference page are made. */
export const apiTable = (features: readonly Feature[] = FEATURES): ApiTable =>
  new ApiTable(features.flatMap((feature) => feature.api));
