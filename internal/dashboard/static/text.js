// All words of the page. {name} stands for a value; a value never becomes markup.

const en = {
  skip: "Skip to the models",
  sections: "Sections",
  models: "Models", requests: "Requests", accounts: "Accounts", clients: "Clients", switches: "Switches", history: "History", explain: "Explain", try: "Try it",
  language: "한국어", languageLabel: "한국어: show this page in Korean",
  theme_auto: "Theme: as the system", theme_light: "Theme: light", theme_dark: "Theme: dark",
  signIn: "Sign in", signOut: "Sign out",
  live: "Live", polling: "Live, each second", connecting: "Connecting", lost: "Reconnecting in {n} s", retrying: "Reconnecting", denied: "Key needed",

  answering: "Answering with",
  nobody: "Nobody can answer right now", nobodyNext: "First back: {model}",
  noKeyHead: "No model can be asked yet",
  noModels: "No models are configured",
  loading: "Asking freefall…",
  leftToday: "requests left today", leftTodayOf: "of {limit}", leftUnknown: "No limit of a day is known",
  oneUnbounded: "and 1 account without a known daily limit", manyUnbounded: "and {n} accounts without a known daily limit",
  lasts: "lasts until", lastsReset: "lasts until the reset", atPace: "at {n} requests an hour", noPace: "no request in the last hour",
  resetAt: "resets {time}", nothingLeft: "used up",
  spentToday1: "answer today", spentTodayN: "answers today",
  whyNot: "Why not {model}?", isFirst: "It is the first choice.", whyFirst: "Nothing stands before it.",
  availableAgain: "Available again. Requests stay with the model that answered last; soon one goes there to see.",
  waiting1: "1 request waits for a limit to end", waitingN: "{n} requests wait for a limit to end",
  announce: "Answering with {model}.",

  configBad: "The newest models.yaml is not in use:", deniedHead: "This freefall asks for a key", deniedHelp: "Enter a client key, or sign in with the admin key.",
  startTitle: "Three steps to the first answer",
  start1: "Set a provider's key", start1Help: "for example OPENROUTER_API_KEY in .env or the environment; several share their quota.",
  start2: "Point your SDK here", start2Help: "base URL {url}, any text as the key unless clients are configured.",
  start3: "Ask something", start3Help: "with the button, or with your own program.",
  stepDone: "done", stepOpen: "to do", tryNow: "Try it",

  modelsHelp: "in the order of the next request",
  find: "Find a model", onlyTools: "with tools", onlyFree: "available now",
  onlyVision: "sees images", anyContext: "any context", contextFrom: "context from {n}", contextAtLeast: "How much it must be able to read", contextTitle: "reads {n} tokens", visionTitle: "sees images",
  shown: "{n} of {all}", none: "No model matches.",
  place: "Order", model: "Model", stateHead: "State", last60: "Last 60 attempts", ttft: "First token", quotaHead: "Quota", todayHead: "Today", actions: "Actions",
  tools: "tools", toolsTitle: "can call tools", next: "next",
  p95: "p95", success: "{n} good", noAttempts: "no attempts yet",
  beats: "{all} attempts, oldest first: {ok} good, {limit} at a limit, {fault} failed",
  tokensN: "{n} tokens", requests1: "1 answer", requestsN: "{n} answers", tokens: "Tokens",
  lastError: "Last error {when}", failures: "{n} failures in a row", failure: "1 failure",
  pause: "Pause", resume: "Resume", reset: "Reset", pauseOf: "Pause {model}", resumeOf: "Resume {model}", resetOf: "Reset {model}",
  done_pause: "{model} is paused", done_resume: "{model} is back in the chain", done_reset: "{model} was reset",
  offTitle: "{n} not in use", offShow: "Show", offHide: "Hide",

  s_ok: "available", s_limit: "at its limit", s_fault: "resting", s_trial: "on trial", s_paused: "paused", s_off: "off",
  until: "back in {left}", untilNow: "back any moment", untilAt: "back {time}", resetsInNow: "any moment", resetsInAt: "resets {time}", noEnd: "no end in sight",
  r_rate_limited: "Rate limit reached", r_quota_exhausted: "Quota is used up", r_failures: "Failed too often", r_trial: "One request tries whether it is well again",
  r_paused: "Paused by a person", r_gone: "The provider no longer has it", r_no_key: "The provider has no key", r_not_free: "Not proven free", r_concurrency: "Busy: as many requests as allowed are running",
  r_paced: "Paced over the day", r_spent: "Its budget of the day is spent", r_no_redis: "May cost money, and Redis does not say what is spent", r_limit_zero: "Its limit is 0", r_auth: "The key was refused", r_payment_required: "The account would have to pay",
  r_upstream_fault: "The provider failed", r_overloaded: "The provider is overloaded", r_timeout: "No answer in time", r_model_gone: "The provider no longer has it",
  r_content_policy: "The provider declines the content", r_context_length: "Too long for it", r_max_tokens: "max_tokens is more than it grants", r_no_tools: "Cannot call tools", r_no_vision: "Cannot see images",
  r_no_json_schema: "Cannot follow a schema", r_no_tool_choice: "Cannot be told which tool to call", r_may_train: "May train on what is sent", r_kind: "Not a chat model",
  r_unsupported_feature: "Lacks a feature", r_invalid_request: "The request was refused",
  o_ok: "answered", o_failed: "failed", o_client_left: "client left", o_hedge_lost: "another was faster", o_stopped: "stopped",
  o_rate_limited: "rate limit", o_quota_exhausted: "quota used up", o_auth: "key refused", o_payment_required: "payment required", o_context_length: "too long",
  o_content_policy: "content declined", o_unsupported_feature: "feature missing", o_model_gone: "model gone", o_invalid_request: "invalid request",
  o_upstream_fault: "provider failed", o_overloaded: "overloaded", o_timeout: "timeout", o_not_free: "not free",

  w_rpm: "requests / min", w_rpd: "requests / day", w_tpm: "tokens / min", w_tpd: "tokens / day", w_concurrency: "at once", w_requests: "requests / {per}", w_tokens: "tokens / {per}",
  scopeModel: "this model", scopeAccount: "its accounts",
  quotaOf: "{used} of {limit} used", leftN: "{n} left", resetsIn: "more in {left}", noQuota: "no limit known", moreQuota: "and {n} more",
  src_config: "yours", src_dialect: "known", src_provider: "stated", src_refusals: "found",
  from_config: "the limit stands in models.yaml", from_dialect: "the limit is known of this provider", from_provider: "the provider stated the limit, in an answer or when asked about the key",
  from_refusals: "nobody stated the limit: it was found from what was refused",

  requestsHelp: "the last 200, newest first", hold: "Hold", holdOn: "Go on", held: "held; {n} new", onlyFailed: "failed only", allClients: "all clients", filterClient: "Whose requests",
  time: "Time", client: "Client", answeredBy: "Answered by", trail: "Way", took: "Took", outcome: "Outcome", anyone: "without a key",
  noRequests: "No requests yet. Ask something below, and see it here.", notTold: "The admin key shows the requests.", open: "{time}, open this request",
  attempts1: "1 attempt", attemptsN: "{n} attempts", waitedFor: "waited {t}",

  request: "Request", close: "Close", copyID: "Copy the request's id", timeline: "Attempts on a time line", started: "Started", rests: "rests", detail: "Detail",
  asked: "Asked for", stream: "streamed", whole: "in one piece", noCalls: "No provider was asked.", tokensIO: "{i} in, {o} out", restsUntil: "{what} until {time}", ttftMark: "first token after {t}",
  bar: "{model}: {outcome}, from {a} to {b}",

  accountsHelp: "what each still grants", models1: "1 model", modelsN: "{n} models", noAccounts: "No accounts.", accountsHidden: "Shown to the admin key.",
  keyN: "key {n}", k_available: "good", k_parked: "Asked again when the configuration changes",
  clientsHelp: "who spent it, today", share: "share", noClients: "Nobody has been answered today.", clientsSince: "counted since freefall started",
 
  switchesHelp: "from, to, and why", noSwitches: "No switch yet: the first choice has answered.",

  hours24: "24 hours", days7: "7 days", days30: "30 days", historyRange: "Range",
  chartRequests: "Answers", chartFallovers: "Fall-overs", chartTokens: "Tokens", others: "others",
  noHistory: "Nothing yet in this time.", historyHidden: "The admin key shows the history.", cut: "The oldest hours are left out: there are too many models in them.",
  total: "{n} in all", table: "As a table",
  sumAnswers: "Answers", sumAttempts: "of {n} attempts", sumTokens: "Tokens", falloversHelp: "answers after another model had failed",
  quotaUsed: "Free quota used", quotaUsedOf: "{used} of {limit} requests", noDayKnown: "no limit of a day is known", ofThat: "of {grants}", requestsADay: "{n} requests a day", tokensADay: "{n} tokens a day",
  wouldCost: "Would have cost", freeNow: "and cost nothing", unpriced: "and {n} tokens without a known price", unknown: "unknown",
  priceOf: "{input} in, {output} out: {id} at {provider}", priceNone: "{provider} lists no paid form",
  sumsHelp: "Quota: the requests that were taken on, of what the limits of a day give in this time, as they stand now; of tokens where those are nearer to their end. Price: for a million tokens, as the provider lists the same id without “:free” today. Where it lists none, none is assumed.",

  explainHelp: "what a request would meet, without asking a provider",
  question: "Message", needTools: "needs tools", needVision: "has an image", needSchema: "wants JSON by a schema", askedModel: "Model", explainGo: "Explain",
  firstIs: "{model} would be asked first.", nobodyFits: "Nobody could answer this now.", wouldBe: "would be asked",

  tryHelp: "with your own client key; it spends real quota", yourKey: "Client key", keyOptional: "Client key (none is needed here)", keyKept: "stays in this tab",
  send: "Send", stop: "Stop", answer: "Answer", servedBy: "{model} answered after {t}; {n}", firstAfter: "first token after {t}",
  hello: "Say hello in one short sentence.", noAnswer: "It ended without an answer.",
  baseURL: "Base URL", copyURL: "Copy the base URL", copied: "Copied",
  connect: "Connect", connectHelp: "one address for every program", copyCode: "Copy this",
  connectKey: "Put a client key in the place of YOUR_CLIENT_KEY. From inside a container the host is not localhost: use the name of the service, or host.docker.internal.",
  connectNoKey: "No client key is configured, so any text will do. From inside a container the host is not localhost: use the name of the service, or host.docker.internal.",

  loginTitle: "Sign in", adminKey: "Admin key", loginHelp: "It is sent once and kept as a cookie that no script can read.", loginGo: "Sign in",
  useClient: "Or look with a client key", unknownKey: "This freefall does not know that key.", readOnly: "Read only. Set {variable} to change models from here.",
  footAPI: "The same as JSON", footMetrics: "Metrics",
  justNow: "just now", ago: "{t} ago",
};

const ko = {
  skip: "모델 목록으로 건너뛰기",
  sections: "구역",
  models: "모델", requests: "요청", accounts: "계정", clients: "클라이언트", switches: "전환 기록", history: "기록", explain: "설명", try: "써 보기",
  language: "English", languageLabel: "English: 이 페이지를 영어로 보기",
  theme_auto: "테마: 시스템 설정", theme_light: "테마: 밝게", theme_dark: "테마: 어둡게",
  signIn: "로그인", signOut: "로그아웃",
  live: "실시간", polling: "실시간 (1초마다)", connecting: "연결 중", lost: "{n}초 뒤 다시 연결", retrying: "다시 연결 중", denied: "키 필요",

  answering: "지금 답하는 모델",
  nobody: "지금은 답할 수 있는 모델이 없습니다", nobodyNext: "가장 먼저 돌아올 모델: {model}",
  noKeyHead: "아직 부를 수 있는 모델이 없습니다",
  noModels: "설정된 모델이 없습니다",
  loading: "freefall에 묻는 중…",
  leftToday: "오늘 남은 요청", leftTodayOf: "전체 {limit}", leftUnknown: "알려진 일일 한도가 없습니다",
  oneUnbounded: "그 밖에 일일 한도를 모르는 계정 1개", manyUnbounded: "그 밖에 일일 한도를 모르는 계정 {n}개",
  lasts: "버티는 시각", lastsReset: "초기화까지 충분", atPace: "시간당 요청 {n}건 기준", noPace: "지난 한 시간 동안 요청 없음",
  resetAt: "{time}에 초기화", nothingLeft: "소진됨",
  spentToday1: "오늘의 답변", spentTodayN: "오늘의 답변",
  whyNot: "왜 {model}이(가) 아닌가요?", isFirst: "첫 번째 선택입니다.", whyFirst: "앞선 모델이 없습니다.",
  availableAgain: "다시 사용할 수 있습니다. 요청은 마지막으로 답한 모델에 머물며, 곧 한 건이 시험 삼아 보내집니다.",
  waiting1: "요청 1건이 한도가 풀리기를 기다립니다", waitingN: "요청 {n}건이 한도가 풀리기를 기다립니다",
  announce: "지금 답하는 모델은 {model}입니다.",

  configBad: "최신 models.yaml이 적용되지 않았습니다:", deniedHead: "이 freefall은 키가 필요합니다", deniedHelp: "클라이언트 키를 입력하거나 관리자 키로 로그인하세요.",
  startTitle: "첫 답변까지 세 단계",
  start1: "제공자 키 설정", start1Help: "예: .env나 환경 변수의 OPENROUTER_API_KEY. 여러 개면 한도를 나눠 씁니다.",
  start2: "SDK를 여기로 연결", start2Help: "base URL은 {url}, 클라이언트를 설정하지 않았다면 키는 아무 값이나 됩니다.",
  start3: "질문하기", start3Help: "버튼을 누르거나 직접 만든 프로그램으로.",
  stepDone: "완료", stepOpen: "남음", tryNow: "써 보기",

  modelsHelp: "다음 요청이 시도할 순서대로",
  find: "모델 찾기", onlyTools: "도구 지원", onlyFree: "지금 사용 가능",
  onlyVision: "이미지 지원", anyContext: "컨텍스트 무관", contextFrom: "컨텍스트 {n} 이상", contextAtLeast: "읽을 수 있어야 하는 길이", contextTitle: "토큰 {n}개까지 읽음", visionTitle: "이미지를 볼 수 있음",
  shown: "{all}개 중 {n}개", none: "조건에 맞는 모델이 없습니다.",
  place: "순서", model: "모델", stateHead: "상태", last60: "최근 시도 60회", ttft: "첫 토큰", quotaHead: "한도", todayHead: "오늘", actions: "동작",
  tools: "도구", toolsTitle: "도구를 호출할 수 있음", next: "다음",
  p95: "p95", success: "성공 {n}", noAttempts: "아직 시도 없음",
  beats: "시도 {all}회, 오래된 순: 성공 {ok}, 한도 {limit}, 실패 {fault}",
  tokensN: "토큰 {n}개", requests1: "답변 1건", requestsN: "답변 {n}건", tokens: "토큰",
  lastError: "마지막 오류 {when}", failures: "연속 실패 {n}회", failure: "실패 1회",
  pause: "일시 정지", resume: "재개", reset: "초기화", pauseOf: "{model} 일시 정지", resumeOf: "{model} 재개", resetOf: "{model} 초기화",
  done_pause: "{model}을(를) 일시 정지했습니다", done_resume: "{model}이(가) 다시 참여합니다", done_reset: "{model}을(를) 초기화했습니다",
  offTitle: "사용하지 않는 모델 {n}개", offShow: "보기", offHide: "숨기기",

  s_ok: "사용 가능", s_limit: "한도 도달", s_fault: "쉬는 중", s_trial: "시험 중", s_paused: "일시 정지", s_off: "꺼짐",
  until: "{left} 뒤 복귀", untilNow: "곧 복귀", untilAt: "{time} 복귀", resetsInNow: "곧", resetsInAt: "{time} 초기화", noEnd: "복귀 시점 모름",
  r_rate_limited: "호출 한도에 도달", r_quota_exhausted: "할당량 소진", r_failures: "실패가 너무 잦음", r_trial: "요청 한 건이 회복을 확인 중",
  r_paused: "사람이 일시 정지함", r_gone: "제공자가 더는 제공하지 않음", r_no_key: "제공자 키가 없음", r_not_free: "무료임이 확인되지 않음", r_concurrency: "동시 요청 한도까지 처리 중",
  r_paced: "하루에 나눠 쓰는 중", r_spent: "오늘 예산을 다 씀", r_no_redis: "유료 모델인데 Redis가 지출을 알려 주지 않음", r_limit_zero: "한도가 0", r_auth: "키가 거부됨", r_payment_required: "결제가 필요한 계정",
  r_upstream_fault: "제공자 오류", r_overloaded: "제공자 과부하", r_timeout: "제때 답이 없음", r_model_gone: "제공자가 더는 제공하지 않음",
  r_content_policy: "제공자가 내용을 거절함", r_context_length: "길이가 너무 김", r_max_tokens: "max_tokens가 한도보다 큼", r_no_tools: "도구를 호출할 수 없음", r_no_vision: "이미지를 볼 수 없음",
  r_no_json_schema: "스키마를 따를 수 없음", r_no_tool_choice: "도구를 지정할 수 없음", r_may_train: "보낸 내용을 학습에 쓸 수 있음", r_kind: "대화 모델이 아님",
  r_unsupported_feature: "기능이 부족함", r_invalid_request: "요청이 거절됨",
  o_ok: "답변함", o_failed: "실패", o_client_left: "클라이언트 떠남", o_hedge_lost: "다른 모델이 더 빠름", o_stopped: "중단됨",
  o_rate_limited: "호출 한도", o_quota_exhausted: "할당량 소진", o_auth: "키 거부", o_payment_required: "결제 필요", o_context_length: "너무 김",
  o_content_policy: "내용 거절", o_unsupported_feature: "기능 없음", o_model_gone: "모델 없어짐", o_invalid_request: "잘못된 요청",
  o_upstream_fault: "제공자 오류", o_overloaded: "과부하", o_timeout: "시간 초과", o_not_free: "무료 아님",

  w_rpm: "요청/분", w_rpd: "요청/일", w_tpm: "토큰/분", w_tpd: "토큰/일", w_concurrency: "동시", w_requests: "요청/{per}", w_tokens: "토큰/{per}",
  scopeModel: "이 모델", scopeAccount: "계정 전체",
  quotaOf: "{limit} 중 {used} 사용", leftN: "{n} 남음", resetsIn: "{left} 뒤", noQuota: "알려진 한도 없음", moreQuota: "외 {n}개",
  src_config: "직접 설정", src_dialect: "알려진 값", src_provider: "제공자 통보", src_refusals: "추정",
  from_config: "models.yaml에 적힌 한도", from_dialect: "이 제공자에 대해 알려진 한도", from_provider: "제공자가 응답이나 키 조회에서 알린 한도",
  from_refusals: "아무도 알리지 않아 거절에서 알아낸 한도",

  requestsHelp: "최근 200건, 새로운 순", hold: "멈춤", holdOn: "계속", held: "멈춤, 새 요청 {n}건", onlyFailed: "실패만", allClients: "모든 클라이언트", filterClient: "누구의 요청",
  time: "시각", client: "클라이언트", answeredBy: "답한 모델", trail: "경로", took: "걸린 시간", outcome: "결과", anyone: "키 없음",
  noRequests: "아직 요청이 없습니다. 아래에서 질문하면 여기에 나타납니다.", notTold: "요청은 관리자 키로 볼 수 있습니다.", open: "{time}, 이 요청 열기",
  attempts1: "시도 1회", attemptsN: "시도 {n}회", waitedFor: "{t} 대기",

  request: "요청", close: "닫기", copyID: "요청 id 복사", timeline: "시간 순 시도", started: "시작", rests: "쉬는 대상", detail: "내용",
  asked: "요청한 모델", stream: "스트림", whole: "한 번에", noCalls: "제공자에게 묻지 않았습니다.", tokensIO: "입력 {i}, 출력 {o}", restsUntil: "{what}, {time}까지", ttftMark: "첫 토큰까지 {t}",
  bar: "{model}: {outcome}, {a}부터 {b}까지",

  accountsHelp: "계정별로 남은 한도", models1: "모델 1개", modelsN: "모델 {n}개", noAccounts: "계정이 없습니다.", accountsHidden: "관리자 키로 볼 수 있습니다.",
  keyN: "키 {n}", k_available: "정상", k_parked: "설정이 바뀌면 다시 시도합니다",
  clientsHelp: "오늘 누가 썼는지", share: "몫", noClients: "오늘은 아직 답변이 없습니다.", clientsSince: "freefall 시작 이후 집계",
 
  switchesHelp: "어디서 어디로, 왜", noSwitches: "아직 전환이 없습니다. 첫 번째 선택이 답했습니다.",

  hours24: "24시간", days7: "7일", days30: "30일", historyRange: "기간",
  chartRequests: "답변", chartFallovers: "대체 답변", chartTokens: "토큰", others: "기타",
  noHistory: "이 기간에는 기록이 없습니다.", historyHidden: "기록은 관리자 키로 볼 수 있습니다.", cut: "모델이 너무 많아 가장 오래된 시간은 빠졌습니다.",
  total: "합계 {n}", table: "표로 보기",
  sumAnswers: "답변", sumAttempts: "시도 {n}회 중", sumTokens: "토큰", falloversHelp: "다른 모델이 실패한 뒤에 나온 답변",
  quotaUsed: "쓴 무료 한도", quotaUsedOf: "요청 {limit}건 중 {used}건", noDayKnown: "알려진 일일 한도가 없습니다", ofThat: "{grants} 기준", requestsADay: "하루 요청 {n}건", tokensADay: "하루 토큰 {n}개",
  wouldCost: "유료였다면", freeNow: "실제 비용은 0", unpriced: "그 밖에 가격을 모르는 토큰 {n}개", unknown: "알 수 없음",
  priceOf: "입력 {input}, 출력 {output}: {provider}의 {id}", priceNone: "{provider} 목록에 유료 모델이 없음",
  sumsHelp: "한도: 지금의 일일 한도가 이 기간에 준 양 가운데 제공자가 받아들인 요청의 비율이며, 토큰 한도가 더 빠듯하면 토큰으로 셉니다. 가격: 제공자가 오늘 목록에 올린, “:free”가 없는 같은 id의 토큰 백만 개당 가격입니다. 목록에 없으면 가정하지 않습니다.",

  explainHelp: "제공자를 부르지 않고 요청이 만날 일을 보여 줍니다",
  question: "메시지", needTools: "도구 필요", needVision: "이미지 포함", needSchema: "스키마에 맞는 JSON", askedModel: "모델", explainGo: "설명",
  firstIs: "{model}을(를) 먼저 부릅니다.", nobodyFits: "지금 답할 수 있는 모델이 없습니다.", wouldBe: "호출 대상",

  tryHelp: "자신의 클라이언트 키로 보내며 실제 한도를 씁니다", yourKey: "클라이언트 키", keyOptional: "클라이언트 키 (여기서는 필요 없음)", keyKept: "이 탭에만 남습니다",
  send: "보내기", stop: "멈추기", answer: "답변", servedBy: "{model}이(가) {t} 만에 답함, {n}", firstAfter: "첫 토큰까지 {t}",
  hello: "짧은 한 문장으로 인사해 주세요.", noAnswer: "답변 없이 끝났습니다.",
  baseURL: "Base URL", copyURL: "base URL 복사", copied: "복사됨",
  connect: "연결", connectHelp: "모든 프로그램에 주소 하나", copyCode: "복사",
  connectKey: "YOUR_CLIENT_KEY 자리에 클라이언트 키를 넣으세요. 컨테이너 안에서는 localhost가 이 컴퓨터가 아니므로 서비스 이름이나 host.docker.internal을 쓰세요.",
  connectNoKey: "클라이언트 키를 설정하지 않았으므로 아무 값이나 됩니다. 컨테이너 안에서는 localhost가 이 컴퓨터가 아니므로 서비스 이름이나 host.docker.internal을 쓰세요.",

  loginTitle: "로그인", adminKey: "관리자 키", loginHelp: "한 번만 보내며, 스크립트가 읽을 수 없는 쿠키로 유지됩니다.", loginGo: "로그인",
  useClient: "또는 클라이언트 키로 보기", unknownKey: "이 freefall이 모르는 키입니다.", readOnly: "읽기 전용입니다. 여기서 모델을 바꾸려면 {variable}을(를) 설정하세요.",
  footAPI: "JSON으로 보기", footMetrics: "메트릭",
  justNow: "방금", ago: "{t} 전",
};

export const words = { en, ko };

const STORED = "freefall.lang";

function chosen() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked in words) return asked;
  try {
    const stored = localStorage.getItem(STORED);
    if (stored in words) return stored;
  } catch { /* storage is switched off */ }
  return (navigator.languages || [navigator.language]).some((l) => /^ko\b/i.test(l)) ? "ko" : "en";
}

export const lang = chosen();

/** choose keeps the language and shows the page in it. */
export function choose(next) {
  try {
    localStorage.setItem(STORED, next);
  } catch { /* the address carries it */ }
  const url = new URL(location.href);
  url.searchParams.set("lang", next);
  location.replace(url);
}

export function t(name, values) {
  const words_ = words[lang][name] ?? words.en[name] ?? name;
  return values ? words_.replace(/\{(\w+)\}/g, (all, k) => (k in values ? String(values[k]) : all)) : words_;
}

/** said is t for a word that comes from the server: what has no words here is shown as it came. */
export function said(prefix, word) {
  return Object.hasOwn(words.en, prefix + word) ? t(prefix + word) : String(word || "").replaceAll("_", " ");
}

const plain = new Intl.NumberFormat(lang);
const short = new Intl.NumberFormat(lang, { notation: "compact", maximumFractionDigits: 1 });
const rough = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 0 }); // a context of 128K is called so everywhere
const money = new Intl.NumberFormat(lang, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" });
const cents = new Intl.NumberFormat(lang, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", maximumSignificantDigits: 2 });
const percent = new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 1 });
const clockTime = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayTime = new Intl.DateTimeFormat(lang, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const nextDay = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
const dayOnly = new Intl.DateTimeFormat(lang, { month: "short", day: "numeric" });

/** counted is a number of things; one is told in words of its own. */
export const counted = (what, n) => (n === 1 ? t(what + "1") : t(what + "N", { n: plain.format(n) }));

export const number = (n) => plain.format(n);
export const compact = (n) => (n < 1000000 ? plain.format(n) : short.format(n));
export const share = (x) => (x > 0 && x < 0.001 ? "<" + percent.format(0.001) : percent.format(x));
export const size = (n) => (n < 1000 ? plain.format(n) : rough.format(n));
export const dollars = (x) => (x > 0 && x < 0.01 ? cents : money).format(x);
export const seconds = (at) => clockSeconds.format(at);
export const dayOf = (at) => dayOnly.format(at);

/** clock is a time of day, with the day when it is not today. */
export function clock(at) {
  const d = new Date(at);
  const today = new Date();
  if (d.toDateString() === today.toDateString()) return clockTime.format(d);
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  return d.toDateString() === tomorrow.toDateString() ? nextDay.format(1, "day") + " " + clockTime.format(d) : dayTime.format(d);
}

/** span is a length of time: "0.42 s", "12 s", "4 min", "3 h 12 min". */
export function span(ms) {
  const unit = lang === "ko" ? { ms: "ms", s: "초", m: "분", h: "시간", d: "일" } : { ms: " ms", s: " s", m: " min", h: " h", d: " d" };
  const s = ms / 1000;
  if (s < 1) return Math.round(ms) + unit.ms;
  if (s < 10 && s % 1) return s.toFixed(1) + unit.s;
  if (s < 60) return Math.round(s) + unit.s;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return minutes + unit.m;
  if (minutes < 48 * 60) return Math.floor(minutes / 60) + unit.h + (minutes % 60 ? " " + (minutes % 60) + unit.m : "");
  return Math.round(minutes / 1440) + unit.d;
}

/** countdown is what a clock that runs backwards shows: "0:07", "4:12:09". */
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h > 0 ? h + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) : Math.floor(s / 60) + ":" + two(s % 60);
}

/** window names a window of quota: "requests / min". */
export function windowName(w) {
  if (Object.hasOwn(words.en, "w_" + w)) return t("w_" + w);
  const [unit, per] = String(w).split("/");
  return per && (unit === "requests" || unit === "tokens") ? t("w_" + unit, { per }) : String(w);
}
