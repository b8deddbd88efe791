/** Of the network card in the namespace. A private address, for this suite only. */
export const MEDIA_ADDRESS = '10.99.0.1';
