import type { Collector } from './collector.ts';
import { smallNumber } from './files.ts';
import { chipsWith, sensorName, sensorValue } from './hwmon.ts';
import { METRICS } from './metrics.ts';
import { Reading } from './reading.ts';

const INPUT = /^(temp\d{1,4})_input$/;
const M = METRICS.temperature;
/** Files tell thousandths of a degree. */
const MILLI = { scale: 0.001, min: M.celsius.min, max: M.celsius.max };

/** All temperatures the sensor chips of the machine tell. */
export const temperature: Collector = async ({ tree }) => {
  const reading = new Reading();
  let inputs = 0;
  for (const chip of await chipsWith(tree, INPUT, reading)) {
    for (const file of chip.files) {
      const sensor = INPUT.exec(file)?.[1];
      if (sensor === undefined) continue;
      inputs++;
      const instance = await sensorName(tree, chip, sensor);
      // Told plausible all the same: a board that has not wired the input.
      const fault = chip.files.has(`${sensor}_fault`)
        ? await smallNumber(tree, `${chip.dir}/${sensor}_fault`)
        : undefined;
      if (fault !== undefined && 'value' in fault && fault.value !== 0) {
        reading.lacks(instance, `${chip.dir}/${sensor}_fault says that the sensor is broken or not connected`);
        continue;
      }
      const value = await sensorValue(tree, `${chip.dir}/${file}`, instance, reading, MILLI);
      if (value !== undefined) reading.add(M.celsius, value, instance);
    }
  }
  if (inputs === 0) return reading.orAbsent('no sensor chip tells a temperature');
  if (reading.size === 0)
    throw new Error(`none of ${inputs} sensors gave a temperature: ${[...reading.missing.values()][0]}`);
  return reading;
};
