// Starts the client's versions that export their loop; later ones start it themselves.
import { run } from './index.mjs';

await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
