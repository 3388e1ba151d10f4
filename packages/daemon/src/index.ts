export { schemaOf } from './config.ts';
export { apiTable, FEATURES } from './features.ts';
export { figuresOf } from './figures/index.ts';
export { generated } from './generated.ts';
export { HEARTBEAT_SCHEMA } from './heartbeat-config.ts';
