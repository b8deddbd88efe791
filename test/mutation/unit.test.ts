import { bundle } from './bundle';

bundle('unit/{graph,media,trigger}/*.test.ts');
