package eas

// The elements that phones send or look at, by code page and code (MS-ASWBXML, sections 2.1.2.1.1 to 2.1.2.1.22).

// Code page 0: AirSync.
const (
	airSync tag = 0x0005 + iota
	airResponses
	airAdd
	airChange
	airDelete
	airFetch
	airSyncKey
	airClientID
	airServerID
	airStatus
	airCollection
	airClass
	_ // Version
	airCollectionID
	airGetChanges
	airMoreAvailable
	airWindowSize
	airCommands
	airOptions
	airFilterType
	_ // Truncation
	_ // RtfTruncation
	airConflict
	airCollections
	airApplicationData
	airDeletesAsMoves
	_ // NotifyGUID
	_ // Supported
	airSoftDelete
	airMIMESupport
	airMIMETruncation
)

// Code page 2: Email. GlobalObjId names the event of an invitation up to 14.1.
const (
	emailSubject        tag = 0x0214
	emailMessageClass   tag = 0x0213
	emailMeetingRequest tag = 0x0222
	emailGlobalObjID    tag = 0x0234
)

// Code page 4: Calendar. UID names the event of an invitation from 16.0 on.
const calendarUID tag = 0x0428

// Code page 7: FolderHierarchy.
const (
	folderDisplayName tag = 0x0707
	folderServerID    tag = 0x0708
	folderParentID    tag = 0x0709
	folderType        tag = 0x070A
	folderStatus      tag = 0x070C
	folderChanges     tag = 0x070E
	folderAdd         tag = 0x070F
	folderDelete      tag = 0x0710
	folderUpdate      tag = 0x0711
	folderSyncKey     tag = 0x0712
	folderSync        tag = 0x0716
)

// Code page 8: MeetingResponse.
const (
	meetingCollectionID tag = 0x0806
	meetingResponse     tag = 0x0807
	meetingRequestID    tag = 0x0808
	meetingRequest      tag = 0x0809
	meetingResult       tag = 0x080A
	meetingStatus       tag = 0x080B
	meetingUserResponse tag = 0x080C
)

// Code page 13: Ping.
const (
	ping           tag = 0x0D05
	pingStatus     tag = 0x0D07
	pingHeartbeat  tag = 0x0D08
	pingFolders    tag = 0x0D09
	pingFolder     tag = 0x0D0A
	pingID         tag = 0x0D0B
	pingClass      tag = 0x0D0C
	pingMaxFolders tag = 0x0D0D
)

// Code page 14: Provision.
const (
	provision           tag = 0x0E05
	provisionPolicies   tag = 0x0E06
	provisionPolicy     tag = 0x0E07
	provisionPolicyType tag = 0x0E08
	provisionPolicyKey  tag = 0x0E09
	provisionStatus     tag = 0x0E0B
	provisionRemoteWipe tag = 0x0E0C
)

// Code page 17: AirSyncBase.
const (
	baseBodyPreference tag = 0x1105
	baseType           tag = 0x1106
	baseTruncationSize tag = 0x1107
	baseData           tag = 0x110B
)

// Code page 18: Settings.
const (
	settingsSet               tag = 0x1208
	settingsDeviceInformation tag = 0x1216
	settingsModel             tag = 0x1217
	settingsFriendlyName      tag = 0x1219
	settingsOS                tag = 0x121A
)

// Code page 21: ComposeMail.
const (
	composeSendMail   tag = 0x1505
	composeSaveInSent tag = 0x1508
	composeMime       tag = 0x1510
	composeClientID   tag = 0x1511
	composeStatus     tag = 0x1512
	policyTypeWBXML       = "MS-EAS-Provisioning-WBXML"
)
