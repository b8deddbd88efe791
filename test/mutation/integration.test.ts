import { bundle } from './bundle';

bundle(`integration/${process.env.ENGINE_TESTS ?? '*'}.test.ts`);
