import { bundle } from './bundle';

bundle('unit/{delivery,events,graph,http,media,registration,trigger}/*.test.ts');
