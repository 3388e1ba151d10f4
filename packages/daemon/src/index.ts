export { schemaOf } from './config.ts';
export { apiTable, FEATURES } from './features.ts';
export { generated } from './generated.ts';
