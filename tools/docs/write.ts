import { writeGeneratedPages } from './pages';

writeGeneratedPages();
