import { bundle } from './bundle';

bundle('integration/*.test.ts');
