// Our logits against those of llama.cpp (npm node-llama-cpp), on the same files and tokens.
//
//   node compare.mjs ENGINE_LOGITS SYNTH_MODEL MINI.gguf
//
// Random models: normalised mean square error of the centred logits, below 5e-5 for F16 weights and 5e-3 for
// quantised ones, as llama.cpp's own two paths differ by that much.  The trained model: equal greedy text.
import { getLlama } from 'node-llama-cpp';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [engine, synth, mini] = process.argv.slice(2);
const llama = await getLlama({ build: 'never', gpu: false, skipDownload: true, logLevel: 'error' });
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'b3iq-parity-'));
let failed = 0;

function check(name, ok, figure) {
	console.log(`${ok ? 'ok' : 'not ok'} - ${name}: ${figure}`);
	failed += !ok;
}

function ours(file, ids, ...more) {
	return execFileSync(engine, [file, ...more], { input: ids.join(' '), maxBuffer: 1 << 30 });
}

async function theirs(file, use) {
	const model = await llama.loadModel({ modelPath: file });
	/* One thread: the other engine's threads spin, which on a busy machine takes minutes. */
	const context = await model.createContext({ contextSize: 512, batchSize: 512, threads: 1 });
	const result = await use(context.getSequence(), model);

	await context.dispose();
	await model.dispose();
	return result;
}

/** Mean square of the difference over mean square, of rows whose mean is taken away. */
function nmse(a, b, vocab) {
	let error = 0, power = 0;

	for (let row = 0; row < a.length; row += vocab) {
		const x = a.subarray(row, row + vocab), y = b.subarray(row, row + vocab);
		const mx = x.reduce((s, v) => s + v, 0) / vocab, my = y.reduce((s, v) => s + v, 0) / vocab;

		for (let i = 0; i < vocab; i++) {
			error += (x[i] - mx - (y[i] - my)) ** 2;
			power += (y[i] - my) ** 2;
		}
	}
	return error / power;
}

async function random(shape, format, gate, ids) {
	const file = path.join(folder, `${shape}-${format}.gguf`);

	execFileSync(synth, [shape, format, file]);
	const bytes = ours(file, ids);
	const mine = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
	const vocab = mine.length / ids.length;
	const their = await theirs(file, async (sequence) => {
		const rows = await sequence.controlledEvaluate(
			ids.map((id) => [id, { generateNext: { logits: true } }]));
		const flat = new Float32Array(ids.length * vocab);

		rows.forEach((row, i) => row.next.logits.forEach((logit, id) => { flat[i * vocab + id] = logit; }));
		return flat;
	});
	const error = nmse(mine, their, vocab);

	check(`${shape} ${format} logits`, error < gate, `NMSE ${error.toExponential(2)}, gate ${gate}`);
	fs.rmSync(file);
}

async function greedy(prompt) {
	const { ids, out } = await theirs(mini, async (sequence, model) => {
		const prefix = `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`;
		const tokens = model.tokenize(prefix, true), reply = [];

		for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
			reply.push(token);
			if (model.isEogToken(token) || reply.length >= 64)
				break;
		}
		return { ids: tokens, out: reply };
	});
	const mine = ours(mini, ids, String(out.length)).toString().trim().split(' ').map(Number);

	check(`greedy "${prompt}"`, mine.join() === out.join(), `${out.length} tokens`);
}

const ids = Array.from({ length: 48 }, (_, i) => 3 + (i * 37 + ((i * i) % 11)) % 300);

await random('tiny', 'f32', 5e-5, ids);
await random('tiny', 'f16', 5e-5, ids);
await random('tiny', 'bf16', 5e-5, ids);
await random('tiny', 'q8_0', 5e-3, ids);
await random('tiny', 'q4_0', 5e-3, ids);
for (const format of ['q4_1', 'q5_0', 'q5_1', 'q4_k', 'q5_k', 'q6_k'])
	await random('small', format, 5e-3, ids);
for (const shape of ['small-qwen2', 'small-qwen3']) {
	await random(shape, 'f16', 5e-5, ids);
	await random(shape, 'q8_0', 5e-3, ids);
	await random(shape, 'q4_k', 5e-3, ids);
}
await random('tiny', 'q4_k', 5e-3, ids); /* short rows: Q5_0 */
await random('135m', 'q8_0', 5e-3, ids.slice(0, 12));
if (fs.existsSync(mini ?? ''))
	for (const prompt of ['What is machine learning?', 'What is a receipt?', 'Who are you?', 'Hello!',
		'How do I install a plugin?'])
		await greedy(prompt);
fs.rmSync(folder, { recursive: true });
await llama.dispose();
process.exit(failed ? 1 : 0);
