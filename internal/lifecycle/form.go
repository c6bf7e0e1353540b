package lifecycle

import "github.com/logout-operator/logout-operator/api/v1alpha1"

// tooLargeMessage replaces the messages of a status that has to be short.
const tooLargeMessage = "message omitted: the object is too large"

// Forms returns a status in ever smaller forms, for an object that has been filled up to what the API server can store:
// as it is; with no message except one that says so; and with neither messages nor news of the last attempt. The
// smallest form is no larger than the claim that it replaces, so it can be stored wherever the claim was.
func Forms(before, status v1alpha1.UserLogoutStatus) []v1alpha1.UserLogoutStatus {
	short, least := *status.DeepCopy(), *status.DeepCopy()
	for i := range least.Conditions {
		short.Conditions[i].Message, least.Conditions[i].Message = "", ""
		if short.Conditions[i].Type == v1alpha1.ConditionReady {
			short.Conditions[i].Message = tooLargeMessage
		}
	}
	if a := short.LastAttempt; a != nil {
		short.LastAttempt = &v1alpha1.AttemptStatus{Time: a.Time, HTTPStatusCode: a.HTTPStatusCode}
	}
	least.LastAttempt, least.UnconfirmedAttempts = before.LastAttempt.DeepCopy(), before.UnconfirmedAttempts
	return []v1alpha1.UserLogoutStatus{status, short, least}
}
