import { bundle } from './bundle';

bundle('unit/{graph,http,media,registration,trigger}/*.test.ts');
