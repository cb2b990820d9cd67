// Runs the steps of one client: `node SCRIPT URL MODEL` prints a JSON object for each step.

export const [url, model] = process.argv.slice(2);
export const key = "none";
export const question = "Name a colour.";
export const followUp = "Name another one.";
export const tokens = 8;

export async function run(steps) {
  for (const [step, act] of Object.entries(steps)) {
    const result = { step };
    try {
      await act();
    } catch (error) {
      result.error = `${error.name}: ${error.message}`;
      result.traceback = error.stack;
    }
    console.log(JSON.stringify(result));
  }
}

export function check(holds, seen) {
  if (!holds) throw new Error(`unexpected: ${JSON.stringify(seen)}`);
}

export function checkText(text) {
  check(typeof text === "string" && text.trim(), text);
}

export function checkPerson({ name, age }) {
  check(typeof name === "string" && Number.isInteger(age) && age >= 1 && age <= 99, { name, age });
}
