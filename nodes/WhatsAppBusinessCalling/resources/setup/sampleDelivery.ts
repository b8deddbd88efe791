import type { IDataObject } from 'n8n-workflow';

interface Place {
	businessAccountId: string;
	phoneNumberId: string;
	/** Digits only. */
	displayPhoneNumber: string;
}

/** A delivery with one event of a call, as Meta makes it (Meta, "Call recording"). */
export function deliveryOf(
	{ businessAccountId, phoneNumberId, displayPhoneNumber }: Place,
	contact: IDataObject,
	call: IDataObject,
): IDataObject {
	const value = {
		messaging_product: 'whatsapp',
		metadata: { display_phone_number: displayPhoneNumber, phone_number_id: phoneNumberId },
		contacts: [contact],
		calls: [call],
	};
	return {
		object: 'whatsapp_business_account',
		entry: [{ id: businessAccountId, changes: [{ field: 'calls', value }] }],
	};
}

/** Of an event that happens now. */
export const unixSeconds = () => String(Math.floor(Date.now() / 1000));
