/**
 * What `rasen service`, `rasen run` and `rasen doctor` need of the service of this system. A bundle of its own
 * (dist/rasen-service.cjs): most commands never come here.
 */
export { answerOn } from './answer.ts';
export { serviceFindings } from './findings.ts';
export { GATEWAY_ADDRESS, gatewayAddress } from './gateway-address.ts';
export { howToRestart, installedGateway, startInstalled, whyNotServing } from './installed.ts';
export { serviceManager } from './pick.ts';
export { serviceRequest } from './request.ts';
