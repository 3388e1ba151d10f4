export { type Demo, type DemoOptions, startDemo } from './demo.ts';
export { type SimulatedNodeOptions, simulateNode } from './simulated-node.ts';
